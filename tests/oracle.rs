//! The oracle itself: the golden answers of `tests/differential/expected` are what the real runtime says, and
//! `prelude/sort.js` sorts as V8 does.

#[path = "common/node.rs"]
mod node;

use node::{Node, Project, successful};

static ORACLE: Project = Project::new("oracle");

fn check(node: Node, script: &str, args: &[&str]) {
    if let Some(output) = ORACLE.run(node, script, args) {
        println!("{}", successful(&output));
    }
}

#[test]
fn golden_answers_are_the_real_runtimes() {
    check(Node::Old, "golden.js", &["check", "v8-8.6"]);
}

#[test]
fn sort_is_that_of_v8_8_6() {
    check(Node::Old, "check-sort.js", &["4000"]);
}

#[test]
fn sort_is_that_of_todays_v8() {
    check(Node::Todays, "check-sort.js", &["4000", "7"]);
}

/// The programs that are not marked as tainted have one answer in every V8, as far as plain Node can imitate a guest.
#[test]
fn untainted_programs_are_the_same_in_todays_node() {
    check(Node::Todays, "golden.js", &["compare", "v8-8.6"]);
}
