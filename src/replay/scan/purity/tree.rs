//! The syntax tree, with what the analysis looks up again and again.

use std::collections::{HashMap, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::{NodeId, Semantic};
use oxc_syntax::symbol::SymbolId;

use super::values;

/// The syntax tree with what the analysis looks up again and again.
pub struct Tree<'t, 'a> {
    pub semantic: &'t Semantic<'a>,
    /// The function (or instance field) around each node that has one.
    enclosing: HashMap<NodeId, NodeId>,
    /// Functions by the static property name under which the source puts them into an object or class.
    pub methods: HashMap<&'a str, Vec<NodeId>>,
    /// Static property names whose values may be functions that the tree does not show at that place.
    unclear: HashSet<&'a str>,
    /// Whether a function is put under a computed name.
    hidden: bool,
    /// Whether functions of the contract may be given functions of the engine that keep their argument: `new Promise`, `then`.
    pub resolvers: bool,
}

impl<'t, 'a> Tree<'t, 'a> {
    pub fn new(semantic: &'t Semantic<'a>) -> Self {
        let mut tree = Self {
            semantic,
            enclosing: HashMap::new(),
            methods: HashMap::new(),
            unclear: HashSet::new(),
            hidden: false,
            resolvers: false,
        };
        for node in semantic.nodes().iter() {
            let parent = semantic.nodes().parent_id(node.id());
            if parent == node.id() {
                continue;
            }
            let around = match semantic.nodes().kind(parent) {
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) => Some(parent),
                AstKind::PropertyDefinition(field) if !field.r#static => Some(parent),
                AstKind::AccessorProperty(field) if !field.r#static => Some(parent),
                _ => tree.enclosing.get(&parent).copied(),
            };
            if let Some(around) = around {
                tree.enclosing.insert(node.id(), around);
            }
            tree.note_method(node.kind());
            if let AstKind::IdentifierReference(identifier) = node.kind()
                && identifier.name == "Promise"
            {
                let combines = match semantic.nodes().kind(parent) {
                    AstKind::StaticMemberExpression(member) => matches!(
                        member.property.name.as_str(),
                        "all" | "allSettled" | "any" | "race" | "resolve" | "reject"
                    ),
                    _ => false,
                };
                tree.resolvers |= !combines;
            }
        }
        tree.resolvers |= tree.methods.contains_key("then") || tree.is_unclear("then");
        tree
    }

    /// Notes a property whose value is, or may be, a function.
    fn note_method(&mut self, kind: AstKind<'a>) {
        let (name, value) = match kind {
            AstKind::ObjectProperty(property) => (key_name(&property.key), Some(&property.value)),
            AstKind::PropertyDefinition(field) => (key_name(&field.key), field.value.as_ref()),
            AstKind::MethodDefinition(method) => {
                match key_name(&method.key) {
                    Some(name) => self.methods.entry(name).or_default().push(method.value.node_id.get()),
                    None => self.hidden = true,
                }
                return;
            }
            AstKind::AssignmentExpression(assignment) => match &assignment.left {
                AssignmentTarget::StaticMemberExpression(member) => {
                    (Some(member.property.name.as_str()), Some(&assignment.right))
                }
                AssignmentTarget::ComputedMemberExpression(_) => (None, Some(&assignment.right)),
                _ => return,
            },
            _ => return,
        };
        let Some(value) = value else { return };
        match (name, self.function_of_expression(value)) {
            (Some(name), Some(function)) => self.methods.entry(name).or_default().push(function),
            (None, Some(_)) => self.hidden = true,
            (Some(name), None) if !is_data(value) => {
                self.unclear.insert(name);
            }
            _ => {}
        }
    }

    /// Whether a method call of this name may run functions of the contract that `methods` does not list.
    pub fn is_unclear(&self, name: &str) -> bool {
        self.hidden || self.unclear.contains(name)
    }

    pub fn kind(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().kind(node)
    }

    pub fn parent(&self, node: NodeId) -> NodeId {
        self.semantic.nodes().parent_id(node)
    }

    pub fn enclosing(&self, node: NodeId) -> Option<NodeId> {
        self.enclosing.get(&node).copied()
    }

    pub fn symbol_of(&self, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
        values::symbol_of(self.semantic, identifier)
    }

    /// The function around a binding's declaration.
    pub fn home(&self, symbol: SymbolId) -> Option<NodeId> {
        self.enclosing(self.semantic.scoping().symbol_declaration(symbol))
    }

    pub fn is_written(&self, symbol: SymbolId) -> bool {
        let scoping = self.semantic.scoping();
        scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty()
    }

    /// The one function that a binding always holds.
    pub fn function_of(&self, symbol: SymbolId) -> Option<NodeId> {
        if self.is_written(symbol) {
            return None;
        }
        let declaration = self.semantic.scoping().symbol_declaration(symbol);
        match self.kind(declaration) {
            AstKind::Function(_) => Some(declaration),
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                declarator.init.as_ref().and_then(literal_function)
            }
            _ => None,
        }
    }

    /// The one class that a binding always holds.
    pub fn class_of(&self, symbol: SymbolId) -> Option<&'a Class<'a>> {
        if self.is_written(symbol) {
            return None;
        }
        match self.kind(self.semantic.scoping().symbol_declaration(symbol)) {
            AstKind::Class(class) => Some(class),
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                match declarator.init.as_ref()?.without_parentheses() {
                    Expression::ClassExpression(class) => Some(class),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The function that an expression is, written in place or by a name that always holds it.
    pub fn function_of_expression(&self, expression: &Expression<'_>) -> Option<NodeId> {
        literal_function(expression).or_else(|| match expression.without_parentheses() {
            Expression::Identifier(identifier) => {
                self.symbol_of(identifier).and_then(|symbol| self.function_of(symbol))
            }
            _ => None,
        })
    }

    pub fn parameters(&self, function: NodeId) -> Option<&'a FormalParameters<'a>> {
        match self.kind(function) {
            AstKind::Function(function) => Some(&function.params),
            AstKind::ArrowFunctionExpression(function) => Some(&function.params),
            _ => None,
        }
    }
}

/// Whether an expression is certainly no function.
fn is_data(expression: &Expression<'_>) -> bool {
    let expression = expression.without_parentheses();
    expression.is_literal()
        || matches!(
            expression,
            Expression::TemplateLiteral(_)
                | Expression::BinaryExpression(_)
                | Expression::UnaryExpression(_)
                | Expression::UpdateExpression(_)
                | Expression::ObjectExpression(_)
                | Expression::ArrayExpression(_)
        )
}

pub fn literal_function(expression: &Expression<'_>) -> Option<NodeId> {
    match expression.without_parentheses() {
        Expression::FunctionExpression(function) => Some(function.node_id.get()),
        Expression::ArrowFunctionExpression(function) => Some(function.node_id.get()),
        _ => None,
    }
}

pub fn key_name<'a>(key: &PropertyKey<'a>) -> Option<&'a str> {
    match key {
        PropertyKey::StaticIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::PrivateIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::StringLiteral(name) => Some(name.value.as_str()),
        _ => None,
    }
}
