//! Which functions may run while the module is evaluated.
//!
//! Variables of those functions can live on in closures (`const next = counter()`), and objects they make can live on in
//! bindings. Calls are resolved by name where a binding always holds one function, and built-in methods are
//! known by name; with any other call during evaluation, all functions count.

use std::collections::{HashMap, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;

use super::tree::{Tree, is_data, key_name, literal_function};
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
                AstKind::ObjectProperty(_) | AstKind::AssignmentExpression(_) | AstKind::MethodDefinition(_) => {
                    calls.entry(place).or_default().push(node.id());
                }
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) | AstKind::PropertyDefinition(_) => {
                    if let AstKind::PropertyDefinition(_) = node.kind() {
                        calls.entry(place).or_default().push(node.id());
                    }
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
                }
                _ => {}
            }
        }
        let mut pending: Vec<NodeId> = calls.remove(&None).unwrap_or_default();
        loop {
            while let Some(call) = pending.pop() {
                found.unasked(tree, tree.kind(call), &mut work);
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

    /// Adds functions that the engine calls by itself: accessors, conversions, iteration, symbol-keyed methods.
    fn unasked<'a>(&mut self, tree: &Tree<'_, 'a>, kind: AstKind<'a>, work: &mut Vec<NodeId>) {
        let (name, accessor, value) = match kind {
            AstKind::ObjectProperty(property) => {
                (key_name(&property.key), property.kind != PropertyKind::Init, Some(&property.value))
            }
            AstKind::PropertyDefinition(field) => (key_name(&field.key), false, field.value.as_ref()),
            AstKind::MethodDefinition(method) => {
                let name = key_name(&method.key);
                let unasked = name.is_none_or(|name| tree.calls_unasked(name)) && !method.kind.is_constructor();
                if method.kind.is_accessor() || unasked {
                    work.push(method.value.node_id.get());
                }
                return;
            }
            AstKind::AssignmentExpression(assignment) => match &assignment.left {
                AssignmentTarget::StaticMemberExpression(member) => {
                    (Some(member.property.name.as_str()), false, Some(&assignment.right))
                }
                AssignmentTarget::ComputedMemberExpression(_) => (None, false, Some(&assignment.right)),
                _ => return,
            },
            _ => return,
        };
        if !accessor && !name.is_none_or(|name| tree.calls_unasked(name)) {
            return;
        }
        let Some(value) = value.filter(|value| !is_data(value)) else { return };
        match tree.function_of_expression(value) {
            Some(function) => work.push(function),
            None => self.all |= name.is_some() && may_be_function(tree, value),
        }
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
        for argument in arguments.into_iter().flatten() {
            let Some(argument) = argument.as_expression() else {
                self.all = true;
                continue;
            };
            match tree.function_of_expression(argument) {
                Some(function) => work.push(function),
                None => self.all |= may_be_function(tree, argument),
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
        // A class expression may make instances by its own name.
        if class.r#type == ClassType::ClassExpression
            && let Some(symbol) = class.id.as_ref().and_then(|id| id.symbol_id.get())
            && tree.semantic.scoping().get_resolved_references(symbol).next().is_some()
        {
            return tree.enclosing(node).is_none_or(|place| self.has(place));
        }
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

/// Whether an argument may be a function of the contract that has no name here.
fn may_be_function(tree: &Tree<'_, '_>, argument: &Expression<'_>) -> bool {
    match argument.without_parentheses() {
        Expression::Identifier(identifier) => match tree.symbol_of(identifier) {
            Some(symbol) => {
                let declaration = tree.semantic.scoping().symbol_declaration(symbol);
                let data = match tree.kind(declaration) {
                    AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                        declarator.init.as_ref().is_some_and(is_data)
                    }
                    _ => false,
                };
                !(data && !tree.is_written(symbol) || is_import(tree, symbol) || tree.class_of(symbol).is_some())
            }
            None => false,
        },
        // What built-in functions return is no function, unless they were given one.
        Expression::CallExpression(call) => values::built_in(tree.semantic, &call.callee).is_none(),
        Expression::NewExpression(_) | Expression::ClassExpression(_) => false,
        argument => !is_data(argument),
    }
}
