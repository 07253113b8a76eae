//! Does a contract's text reach what no engine can repeat: clock, chance, the executor's machine?
//!
//! A reference runtime says what a contract makes now, on this machine. That is what an executor made then, on its own, unless the
//! contract looked at something else than operation and state. The replay's engine notes such a look (`Taint`); but a hostile
//! contract may find out that it runs in another engine, and look only in the executor's. So whatever the text could look with is
//! found here, whether a run comes to it or not. Functions that are called without being named are the purity scan's to find.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::Semantic;
use oxc_span::GetSpan;

use super::Findings;

/// Names under which the language or the guest has something that differs between two runs or two machines, or that leads to it.
const NAMES: &[&str] = &[
    "FinalizationRegistry",
    "Function",
    "Intl",
    "Proxy",
    "Reflect",
    "SharedArrayBuffer",
    "WeakRef",
    "__proto__",
    "buffer",
    "byteOffset",
    "captureStackTrace",
    "constructor",
    "deref",
    "eval",
    "genUUID",
    "getDate",
    "getDay",
    "getFullYear",
    "getHours",
    "getMilliseconds",
    "getMinutes",
    "getMonth",
    "getOwnPropertyDescriptor",
    "getOwnPropertyDescriptors",
    "getOwnPropertyNames",
    "getOwnPropertySymbols",
    "getPrototypeOf",
    "getSeconds",
    "getTimezoneOffset",
    "getYear",
    "global",
    "globalThis",
    "isWriter",
    "listOplogs",
    "localeCompare",
    "now",
    "oplog",
    "performance",
    "prepareStackTrace",
    "random",
    "setDate",
    "setFullYear",
    "setHours",
    "setMilliseconds",
    "setMinutes",
    "setMonth",
    "setSeconds",
    "setYear",
    "stack",
    "toDateString",
    "toLocaleDateString",
    "toLocaleLowerCase",
    "toLocaleString",
    "toLocaleTimeString",
    "toLocaleUpperCase",
    "toTimeString",
];

/// Notes every place of a contract that may look at what cannot be repeated.
pub(super) fn unrepeatable(semantic: &Semantic<'_>, findings: &mut Findings<'_>) {
    for node in semantic.nodes().iter() {
        let mut note = |what: &str| findings.add(node.kind().span().start, what);
        match node.kind() {
            AstKind::IdentifierReference(IdentifierReference { name, .. })
                if name == "Date" && !is_date_of_something(semantic.nodes().parent_kind(node.id())) =>
            {
                note("the clock, or local time");
            }
            AstKind::IdentifierReference(IdentifierReference { name, .. })
            | AstKind::IdentifierName(IdentifierName { name, .. })
            | AstKind::BindingIdentifier(BindingIdentifier { name, .. })
                if is_named(name) =>
            {
                note(name);
            }
            AstKind::StringLiteral(text) if is_named(&text.value) => note(&text.value),
            AstKind::ImportNamespaceSpecifier(_) => note("everything that a module has"),
            AstKind::ImportDeclaration(import) if import.source.value == "util" => note("genUUID"),
            AstKind::ImportExpression(_) => note("import()"),
            _ => {}
        }
    }
}

fn is_named(name: &str) -> bool {
    NAMES.contains(&name) || name.starts_with("__internal__")
}

/// `new Date(value)` of one value, `Date.UTC(…)`.
fn is_date_of_something(parent: AstKind<'_>) -> bool {
    match parent {
        AstKind::NewExpression(new) => {
            matches!(&new.callee, Expression::Identifier(callee) if callee.name == "Date")
                && matches!(&new.arguments[..], [argument] if !argument.is_spread())
        }
        AstKind::StaticMemberExpression(member) => member.property.name == "UTC",
        _ => false,
    }
}
