//! Can a function of the contract change anything that outlives the call?
//!
//! # What is followed
//!
//! *Late* code is code inside functions: it may run in any call. Code that runs while the module is evaluated does the same in
//! every realm, so it may do what it likes, patching built-in objects included. Each way in which late code gets
//! hold of an object that outlives the call is a source:
//!
//! - bindings of the module, imports, globals, `import.meta`, `new.target`;
//! - variables of functions that (may) run during evaluation, where a function created inside them uses the variable
//!   (closures made at module level): `evaluated` finds those functions;
//! - `this` where the receiver may be long-lived: static methods, methods of module-level literals, methods of
//!   classes that are instantiated during evaluation, plain functions; `super` likewise;
//! - what every object inherits: `constructor`, `__proto__`, built-in methods as values, and *computed* keys that may be any
//!   of these (`counts[name].n = 1` changes `Object.prototype` when `name` is `__proto__`).
//!
//! `uses` follows each such value forward, through the expression around it, bindings, destructuring, loops, calls of the
//! contract's own functions (into parameters, and back out through `return`), containers and copies. Each use is
//! either known to be harmless, or followed further, or *a finding*: nothing is harmless by default.
//! Writing to a long-lived binding in late code is a finding at once.
//!
//! # What is assumed
//!
//! - The host's functions (imports, `emit`, `tx`) copy what they are given and keep nothing that a later call sees.
//! - Built-in functions behave as written in `names`, unless the module replaced them during its evaluation by functions, which
//!   are late code and looked at like all others.
//! - Work left behind by a call (promises that nobody awaited) is the event loop's business, not this module's.
//! - A computed *method call* on an object literal of the module (`handlers[op.kind](tx, op)`) calls one of its methods, or
//!   something inherited that does nothing when its second argument is no function.
//!
//! All loops are over the tree's nodes and a work list in which every node enters at most once per flag.

mod calls;
mod evaluated;
mod keys;
mod names;
mod returns;
mod sources;
pub mod tree;
mod uses;
mod values;

use std::collections::HashMap;

use oxc_semantic::{NodeId, Semantic};
use oxc_span::GetSpan;
use oxc_syntax::symbol::SymbolId;

use self::evaluated::Evaluated;
use self::tree::Tree;
use self::values::Bits;
use super::Findings;

/// Notes every place where late code may change what outlives a call.
pub fn mutable_state(semantic: &Semantic<'_>, findings: &mut Findings<'_>) {
    let tree = Tree::new(semantic);
    let evaluated = Evaluated::new(&tree);
    let mut flow = Flow {
        tree: &tree,
        evaluated,
        findings,
        seen: HashMap::new(),
        symbols: HashMap::new(),
        work: Vec::new(),
        values: None,
        given: HashMap::new(),
    };
    flow.bindings();
    flow.globals();
    flow.expressions();
    while let Some((node, bits)) = flow.work.pop() {
        flow.step(node, bits);
    }
}

/// The analysis while it runs.
struct Flow<'f, 't, 'a, 's> {
    tree: &'f Tree<'t, 'a>,
    evaluated: Evaluated,
    findings: &'f mut Findings<'s>,
    seen: HashMap<NodeId, Bits>,
    symbols: HashMap<SymbolId, Bits>,
    work: Vec<(NodeId, Bits)>,
    /// Functions that are used as values; found when first needed.
    values: Option<Vec<NodeId>>,
    /// What each parameter position of those was given by calls of unknown functions.
    given: HashMap<usize, Bits>,
}

impl<'a> Flow<'_, '_, 'a, '_> {
    fn finding(&mut self, node: NodeId, why: &str) {
        /// How much of the source a finding quotes, in characters.
        const QUOTE: usize = 48;
        let span = self.tree.kind(node).span();
        let text = self.findings.source.get(span.start as usize..span.end as usize).unwrap_or("");
        let mut quote: String = text.chars().take(QUOTE).collect();
        if quote.len() < text.len() {
            quote.push('…');
        }
        self.findings.add(span.start, &format!("{why}: {quote}"));
    }

    /// Follows the value of an expression.
    fn push(&mut self, node: NodeId, bits: Bits) {
        let seen = self.seen.entry(node).or_default();
        let all = seen.with(bits);
        if all != *seen {
            *seen = all;
            self.work.push((node, all));
        }
    }

    /// Follows a binding into all its uses.
    fn push_symbol(&mut self, symbol: SymbolId, bits: Bits) {
        let seen = self.symbols.entry(symbol).or_default();
        let all = seen.with(bits);
        if all == *seen {
            return;
        }
        *seen = all;
        let scoping = self.tree.semantic.scoping();
        for reference in scoping.get_resolved_references(symbol) {
            if reference.is_read() {
                self.push(reference.node_id(), all);
            }
        }
    }
}
