//! The lab: an executor to test against, honest or with one chosen lie.
//!
//! It runs contracts on the auditor's own engine and writes real logs, so an auditor that agrees with it has not shown much
//! about contracts; that is what the real runtime is asked for in the tests. What the lab is good for is everything
//! around a contract: it knows the truth about each database that it makes, and makes millions.
//!
//! | module | has |
//! |---|---|
//! | [`executor`] | a database with everybody in it, all honest |
//! | [`draft`] | a transaction before it is written |
//! | [`log`] | logs with an owner who signs, and where their blocks go |
//! | [`random`] | the same numbers for the same seed |

pub mod draft;
pub mod executor;
pub mod log;
pub mod random;

pub use executor::{Beginning, Genesis, Input, Lab, LabError};
pub use log::{KeyScheme, Log, Memory, Owner, Store};
pub use random::Random;
