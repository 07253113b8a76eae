//! The lab: an executor to test against, honest or with one chosen lie.
//!
//! It runs contracts on the auditor's own engine and writes real logs, so an auditor that agrees with it has not shown much
//! about contracts; that is what the real runtime is asked for in the tests. What the lab is good for is everything
//! around a contract: it knows the truth about each database that it makes, and makes millions.
//!
//! | module | has |
//! |---|---|
//! | [`executor`] | a database with everybody in it, all honest |
//! | [`course`] | what happens in it: participants, executor, oddities, one lie |
//! | [`lies`] | every violation, in every way of committing it |
//! | [`draft`] | a transaction before it is written |
//! | [`log`] | logs with an owner who signs, and where their blocks go |
//! | [`workload`] | what participants do, as a small language |
//! | [`check`] | is a contract a function of operation and state? |
//! | [`archived`] | logs in an archive on disk |
//! | [`live`] | one that goes on while it is served |
//! | [`serve`] | a peer with a database, honest or not |
//! | [`random`] | the same numbers for the same seed |

pub mod archived;
pub mod check;
pub mod course;
pub mod draft;
pub mod executor;
pub mod lies;
pub mod live;
pub mod log;
pub mod random;
pub mod serve;
pub mod workload;

pub use course::{Course, CourseError, Oddities, Truth};
pub use executor::{Beginning, Engine, Genesis, Input, Lab, LabError};
pub use log::{KeyScheme, Log, Memory, Owner, Store};
pub use random::Random;
pub use workload::{Act, Action, Example, Workload, WorkloadError};
