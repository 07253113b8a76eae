//! Which functions may run while the module is evaluated.
//!
//! Variables of those functions can live on in closures (`const next = counter()`), and objects they make can live on in
//! bindings. Calls are resolved by name where a binding always holds one function, and built-in methods are
//! known by name; with any other call during evaluation, all functions count.

use std::collections::{HashMap, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;

use super::tree::{Tree, key_name, literal_function};
use super::{names, values};

/// The set of functions that may run during evaluation.
pub struct Evaluated {
    all: bool,
    functions: HashSet<NodeId>,
}

/// How many superclasses are looked through.
const MAX_DEPTH: usize = 16;

impl Evaluated {
    /// Finds them, from the calls outside functions on.
    pub fn new(tree: &Tree<'_, '_>) -> Self {
        let mut calls: HashMap<Option<NodeId>, Vec<NodeId>> = HashMap::new();
        let mut children: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        let mut found = Self { all: false, functions: HashSet::new() };
        let mut work = Vec::new();
        for node in tree.semantic.nodes().iter() {
            let place = tree.enclosing(node.id());
            match node.kind() {
                AstKind::CallExpression(_) | AstKind::NewExpression(_) | AstKind::TaggedTemplateExpression(_) => {
                    calls.entry(place).or_default().push(node.id());
                }
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::PropertyDefinition(_) => {
                    for ancestor in tree.semantic.nodes().ancestor_ids(node.id()) {
                        let kind = tree.kind(ancestor);
                        // Bodies of functions end the search: what is inside is reached through them.
                        if matches!(kind, AstKind::CallExpression(_) | AstKind::NewExpression(_) | AstKind::Class(_)) {
                            children.entry(ancestor).or_default().push(node.id());
                        }
                        if matches!(kind, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)) {
                            break;
                        }
                    }
                    if may_run_unasked(tree, node.id()) {
                        work.push(node.id());
                    }
                }
                _ => {}
            }
        }
        let mut pending: Vec<NodeId> = calls.remove(&None).unwrap_or_default();
        loop {
            while let Some(call) = pending.pop() {
                found.callees(tree, call, &children, &mut work);
            }
            let Some(function) = work.pop() else { break };
            if found.functions.insert(function) {
                pending.extend(calls.remove(&Some(function)).unwrap_or_default());
            }
        }
        found
    }

    /// Whether a function may run during evaluation.
    pub fn has(&self, function: NodeId) -> bool {
        self.all || self.functions.contains(&function)
    }

    /// Adds what a call during evaluation may run.
    fn callees(
        &mut self,
        tree: &Tree<'_, '_>,
        call: NodeId,
        children: &HashMap<NodeId, Vec<NodeId>>,
        work: &mut Vec<NodeId>,
    ) {
        // Functions written among the arguments (and an immediately called one) may run.
        work.extend(children.get(&call).into_iter().flatten());
        let (callee, arguments) = match tree.kind(call) {
            AstKind::CallExpression(call) => (&call.callee, Some(&call.arguments)),
            AstKind::NewExpression(new) => (&new.callee, Some(&new.arguments)),
            AstKind::TaggedTemplateExpression(tagged) => (&tagged.tag, None),
            _ => return,
        };
        for argument in arguments.into_iter().flatten().filter_map(Argument::as_expression) {
            if let Some(function) = tree.function_of_expression(argument) {
                work.push(function);
            }
        }
        let callee = callee.get_inner_expression();
        if literal_function(callee).is_some() || values::built_in(tree.semantic, callee).is_some() {
            return;
        }
        match callee {
            Expression::Super(_) => {}
            Expression::Identifier(identifier) => match tree.symbol_of(identifier) {
                Some(symbol) => {
                    if let Some(function) = tree.function_of(symbol) {
                        work.push(function);
                    } else if let Some(class) = tree.class_of(symbol) {
                        work.extend(children.get(&class.node_id.get()).into_iter().flatten());
                        self.all |= class
                            .heritage
                            .as_ref()
                            .is_some_and(|heritage| values::global_name(tree.semantic, &heritage.expression).is_none());
                    } else {
                        self.all |= !is_import(tree, symbol);
                    }
                }
                None => self.all |= !matches!(identifier.name.as_str(), "Proxy" | "WeakRef" | "FinalizationRegistry"),
            },
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                let import = match member.object.without_parentheses() {
                    Expression::Identifier(object) => {
                        tree.symbol_of(object).is_some_and(|symbol| is_import(tree, symbol))
                    }
                    _ => false,
                };
                let own = tree.methods.get(name);
                work.extend(own.into_iter().flatten());
                self.all |= tree.is_unclear(name);
                self.all |= !(import
                    || own.is_some()
                    || names::reads(name)
                    || (names::mutates(name) && !matches!(name, "next" | "return" | "throw")));
            }
            _ => self.all = true,
        }
    }

    /// Whether instances of a class may be made during evaluation, or where they are made is not known.
    pub fn instantiates(&self, tree: &Tree<'_, '_>, class: &Class<'_>, depth: usize) -> bool {
        let node = class.node_id.get();
        let place = tree.enclosing(node);
        let symbol = match (&class.id, tree.kind(tree.parent(node))) {
            (Some(id), _) if class.r#type == ClassType::ClassDeclaration => id.symbol_id.get(),
            (_, AstKind::VariableDeclarator(declarator)) => {
                declarator.id.get_binding_identifier().and_then(|id| id.symbol_id.get())
            }
            _ => None,
        };
        let Some(symbol) = symbol.filter(|symbol| depth < MAX_DEPTH && !tree.is_written(*symbol)) else {
            return place.is_none_or(|place| self.has(place));
        };
        tree.semantic.scoping().get_resolved_references(symbol).any(|reference| {
            let user = tree.parent(reference.node_id());
            match tree.kind(user) {
                AstKind::ExportSpecifier(_) => false,
                AstKind::Class(subclass) => self.instantiates(tree, subclass, depth.saturating_add(1)),
                _ => tree.enclosing(reference.node_id()).is_none_or(|place| self.has(place)),
            }
        })
    }
}

fn is_import(tree: &Tree<'_, '_>, symbol: oxc_syntax::symbol::SymbolId) -> bool {
    tree.semantic.scoping().symbol_flags(symbol).is_import()
}

/// Functions that the engine calls by itself: accessors, conversions, iteration, symbol-keyed methods.
fn may_run_unasked(tree: &Tree<'_, '_>, function: NodeId) -> bool {
    let (key, accessor) = match tree.kind(tree.parent(function)) {
        AstKind::ObjectProperty(property) => (&property.key, property.kind != PropertyKind::Init),
        AstKind::MethodDefinition(method) => (&method.key, method.kind.is_accessor()),
        _ => return false,
    };
    accessor
        || match key_name(key) {
            Some(name) => matches!(name, "toString" | "valueOf" | "toJSON" | "then" | "next" | "return" | "throw"),
            None => true,
        }
}
