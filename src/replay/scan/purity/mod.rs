//! Can a function of the contract change anything that outlives the call?
//!
//! # What is followed
//!
//! *Late* code is code inside functions: it may run in any call. Code that runs while the module is evaluated does the same in
//! every realm, so it may do what it likes with the module's own objects. Each way in which late code gets
//! hold of an object that outlives the call is a source:
//!
//! - bindings of the module, imports, globals, `import.meta`, `new.target`;
//! - variables of functions that (may) run during evaluation, where a function created inside them uses the variable
//!   (closures made at module level): `evaluated` finds those functions;
//! - `this` where the receiver may be long-lived: static methods, methods of module-level literals, methods of
//!   classes that are instantiated during evaluation, plain functions; `super` likewise;
//! - `this` in any other method, accessor or conversion whose receiver may be an object of the call that holds something
//!   long-lived. The engine calls such functions unasked (`toString`, `toJSON`, `then`, getters), so the scan does not look for
//!   their calls: what *one* object of the contract holds, `this` of all of them holds (`Flow::hold`). Methods of classes are
//!   left out as long as only instances can be their receivers: the scan lets no instance hold anything long-lived;
//! - what every object inherits: `constructor`, `__proto__`, built-in methods as values, and *computed* keys that may be any
//!   of these (`counts[name].n = 1` changes `Object.prototype` when `name` is `__proto__`);
//! - what all objects of a class share: its methods as values, private ones and those put into a prototype; and the texts of
//!   a tagged template.
//!
//! Built-in objects, and what objects inherit, are followed in the module's own code, too: late code finds them again through
//! any object, so the module must not change them. (It may put a function into a prototype under a name of its own.)
//!
//! `uses` follows each such value forward, through the expression around it, bindings, destructuring, loops, calls of the
//! contract's own functions (into parameters, and back out through `return`), containers and copies. Each use is
//! either known to be harmless, or followed further, or *a finding*: nothing is harmless by default. That holds for
//! functions, too: a built-in function that was taken as a value must not be called, whatever container it came out of, and
//! a function that the source does not show must not be given what outlives the call. Where a name decides which function is
//! called, all functions under that name count, the contract's and the engine's; a function that is stored under a computed
//! name, through a pattern, a descriptor or a pair has every name (`Tree::is_unclear`).
//! Writing to a long-lived binding in late code is a finding at once.
//!
//! # What is assumed
//!
//! - The host's functions (imports, `emit`, `tx`) copy what they are given and keep nothing that a later call sees.
//! - Built-in functions behave as written in `names`; `names` knows the names of all properties of built-in objects.
//! - Work left behind by a call (promises that nobody awaited) is the event loop's business, not this module's.
//! - A computed *method call* on an object literal of the module (`handlers[op.kind](tx, op)`) calls one of its methods, or
//!   something inherited that does nothing when its second argument is no function. (That it is none has to be shown.)
//! - Neither `tx` nor `op` nor `ack` is a function.
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

use oxc_ast::AstKind;
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
        held: Bits::default(),
        receivers: Vec::new(),
        setters: false,
    };
    flow.calls();
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
    /// What the objects of the running call that hold something long-lived hold, all of them together.
    held: Bits,
    /// `this` (and `super`) where it may be any of those objects.
    receivers: Vec<NodeId>,
    /// Whether storing a property may run a function of the contract.
    setters: bool,
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
            if !matches!(self.tree.kind(node), AstKind::Super(_)) {
                self.hold(all);
            }
        }
    }

    /// An object that holds something long-lived may become the receiver of a method, an accessor, a conversion: what it
    /// holds is what `this` holds.
    fn hold(&mut self, bits: Bits) {
        let all = self.held.with(bits.holding());
        if all != self.held {
            self.held = all;
            for node in self.receivers.clone() {
                self.push(node, all);
            }
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
