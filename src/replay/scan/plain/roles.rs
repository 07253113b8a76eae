//! What the names of a contract stand for. Functions are no values in a plain contract: each is called by its name, given to
//! a built-in method that calls it, or entered into a table of functions. So every call of a contract's function is seen.

use std::collections::{HashMap, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::{NodeId, Semantic};
use oxc_syntax::symbol::SymbolId;

use super::names;

/// The most ancestors that are looked at from one place: what lies deeper is not plain.
pub const MAX_STEPS: usize = 500;

/// What a name stands for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// A value.
    Data,
    /// A function of the contract, by its node.
    Function(NodeId),
    /// A constant object that holds functions.
    Table(NodeId),
    /// A constant regular expression.
    Pattern,
    /// A class of errors.
    ErrorClass,
    /// What a `catch` caught.
    Caught,
    /// `index` of the module `contract`.
    Index,
    /// A function of the module `assert`.
    Assert,
    /// `listOplogs`, which gives an empty list.
    Oplogs,
    /// `isWriter`: other machines have another value.
    Machine,
    /// Something else that is no value.
    Other,
}

/// What a call calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Target {
    /// A function of the contract.
    Function(NodeId),
    /// A read of the index, which gives a promise.
    Read,
    /// Anything else.
    Other,
}

pub struct Roles<'r, 'a> {
    semantic: &'r Semantic<'a>,
    of: HashMap<SymbolId, Role>,
    tables: HashMap<NodeId, HashMap<&'a str, NodeId>>,
    /// Functions whose calls give promises.
    promising: HashSet<NodeId>,
}

impl<'r, 'a> Roles<'r, 'a> {
    pub fn new(semantic: &'r Semantic<'a>) -> Self {
        let mut roles = Self { semantic, of: HashMap::new(), tables: HashMap::new(), promising: HashSet::new() };
        for symbol in semantic.scoping().symbol_ids() {
            let role = roles.declared(symbol);
            roles.of.insert(symbol, role);
        }
        let tables = roles.of.values().filter_map(|role| match role {
            Role::Table(table) => Some((*table, roles.list_table(*table))),
            _ => None,
        });
        roles.tables = tables.collect();
        roles.find_promising();
        roles
    }

    fn declared(&self, symbol: SymbolId) -> Role {
        let scoping = self.semantic.scoping();
        let declaration = self.semantic.symbol_declaration(symbol);
        let changes = scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty();
        let role = match declaration.kind() {
            AstKind::Function(_) => Role::Function(declaration.id()),
            AstKind::Class(_) => Role::ErrorClass,
            AstKind::CatchParameter(_) => Role::Caught,
            AstKind::ImportSpecifier(specifier) => self.imported(declaration.id(), Some(specifier)),
            AstKind::ImportDefaultSpecifier(_) => self.imported(declaration.id(), None),
            AstKind::ImportNamespaceSpecifier(_) => Role::Other,
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                match declarator.init.as_ref().map(Expression::without_parentheses) {
                    Some(Expression::ArrowFunctionExpression(arrow)) => Role::Function(arrow.node_id.get()),
                    Some(Expression::FunctionExpression(function)) => Role::Function(function.node_id.get()),
                    Some(Expression::RegExpLiteral(_)) => Role::Pattern,
                    Some(Expression::ObjectExpression(object)) if self.holds_functions(object) => {
                        Role::Table(object.node_id.get())
                    }
                    _ => Role::Data,
                }
            }
            _ => Role::Data,
        };
        if changes && role != Role::Data { Role::Other } else { role }
    }

    fn imported(&self, specifier: NodeId, named: Option<&ImportSpecifier<'_>>) -> Role {
        let AstKind::ImportDeclaration(import) = self.semantic.nodes().parent_kind(specifier) else {
            return Role::Other;
        };
        let name = match named.map(|named| &named.imported) {
            None => "default",
            Some(ModuleExportName::IdentifierName(name)) => name.name.as_str(),
            Some(ModuleExportName::IdentifierReference(_) | ModuleExportName::StringLiteral(_)) => return Role::Other,
        };
        match (import.source.value.as_str(), name) {
            ("contract", "index") => Role::Index,
            ("contract", "listOplogs") => Role::Oplogs,
            ("contract", "isWriter") => Role::Machine,
            ("assert", name) if names::ASSERT.contains(&name) => Role::Assert,
            _ => Role::Other,
        }
    }

    fn holds_functions(&self, object: &ObjectExpression<'_>) -> bool {
        object.properties.iter().any(|property| match property {
            ObjectPropertyKind::ObjectProperty(property) => match property.value.without_parentheses() {
                Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_) => true,
                // Roles of constants may not be known yet; a function declared by name is.
                Expression::Identifier(identifier) => self.symbol(identifier).is_some_and(|symbol| {
                    let declared = self.semantic.symbol_declaration(symbol).kind();
                    match declared {
                        AstKind::Function(_) => true,
                        AstKind::VariableDeclarator(declarator) => declarator.init.as_ref().is_some_and(|init| {
                            matches!(
                                init.without_parentheses(),
                                Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)
                            )
                        }),
                        _ => false,
                    }
                }),
                _ => false,
            },
            ObjectPropertyKind::SpreadProperty(_) => false,
        })
    }

    pub fn symbol(&self, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
        identifier.reference_id.get().and_then(|id| self.semantic.scoping().get_reference(id).symbol_id())
    }

    /// What an identifier stands for; None for a global.
    pub fn of(&self, identifier: &IdentifierReference<'_>) -> Option<Role> {
        self.symbol(identifier).map(|symbol| self.of_symbol(symbol))
    }

    pub fn of_symbol(&self, symbol: SymbolId) -> Role {
        self.of.get(&symbol).copied().unwrap_or(Role::Other)
    }

    /// The function that an expression names or is.
    pub fn function(&self, expression: &Expression<'_>) -> Option<NodeId> {
        match expression.without_parentheses() {
            Expression::ArrowFunctionExpression(arrow) => Some(arrow.node_id.get()),
            Expression::FunctionExpression(function) => Some(function.node_id.get()),
            Expression::Identifier(identifier) => match self.of(identifier) {
                Some(Role::Function(function)) => Some(function),
                _ => None,
            },
            _ => None,
        }
    }

    /// The function that a table holds under a name.
    pub fn entry(&self, table: NodeId, name: &str) -> Option<NodeId> {
        self.tables.get(&table)?.get(name).copied()
    }

    fn list_table(&self, table: NodeId) -> HashMap<&'a str, NodeId> {
        let mut entries = HashMap::new();
        let AstKind::ObjectExpression(object) = self.semantic.nodes().kind(table) else { return entries };
        for property in &object.properties {
            let ObjectPropertyKind::ObjectProperty(property) = property else { return HashMap::new() };
            let name = match &property.key {
                PropertyKey::StaticIdentifier(name) => name.name.as_str(),
                PropertyKey::StringLiteral(name) => name.value.as_str(),
                _ => return HashMap::new(),
            };
            match self.function(&property.value) {
                Some(function) => entries.insert(name, function),
                None => entries.remove(name),
            };
        }
        entries
    }

    pub fn target(&self, call: &CallExpression<'_>) -> Target {
        let callee = call.callee.without_parentheses();
        if let Some(function) = self.function(callee) {
            return Target::Function(function);
        }
        let Expression::StaticMemberExpression(member) = callee else { return Target::Other };
        let Expression::Identifier(object) = member.object.without_parentheses() else { return Target::Other };
        match self.of(object) {
            Some(Role::Index) => Target::Read,
            Some(Role::Table(table)) => {
                self.entry(table, member.property.name.as_str()).map_or(Target::Other, Target::Function)
            }
            _ => Target::Other,
        }
    }

    /// Whether a call of this target gives a promise.
    pub fn is_promise(&self, target: Target) -> bool {
        match target {
            Target::Function(function) => self.promising.contains(&function),
            Target::Read => true,
            Target::Other => false,
        }
    }

    pub fn gives_promises(&self, function: NodeId) -> bool {
        self.promising.contains(&function)
    }

    fn find_promising(&mut self) {
        // The calls whose results a function returns as they are.
        let mut returns: Vec<(NodeId, Target)> = Vec::new();
        for node in self.semantic.nodes().iter() {
            match node.kind() {
                AstKind::Function(function) if function.r#async => {
                    self.promising.insert(node.id());
                }
                AstKind::ArrowFunctionExpression(arrow) if arrow.r#async => {
                    self.promising.insert(node.id());
                }
                AstKind::CallExpression(call) => {
                    if let End::Returned(function) = self.end(node.id()) {
                        returns.push((function, self.target(call)));
                    }
                }
                _ => {}
            }
        }
        let mut returned_by: HashMap<NodeId, Vec<NodeId>> = HashMap::new();
        for (function, target) in returns {
            match target {
                Target::Read => {
                    self.promising.insert(function);
                }
                Target::Function(called) => returned_by.entry(called).or_default().push(function),
                Target::Other => {}
            }
        }
        let mut work: Vec<NodeId> = self.promising.iter().copied().collect();
        while let Some(called) = work.pop() {
            for function in returned_by.get(&called).into_iter().flatten() {
                if self.promising.insert(*function) {
                    work.push(*function);
                }
            }
        }
    }

    /// Where the value of an expression goes, unchanged.
    pub fn end(&self, expression: NodeId) -> End {
        let nodes = self.semantic.nodes();
        let mut child = expression;
        for parent in nodes.ancestor_ids(expression).take(MAX_STEPS) {
            match nodes.kind(parent) {
                AstKind::ParenthesizedExpression(_) | AstKind::ChainExpression(_) | AstKind::LogicalExpression(_) => {}
                AstKind::ConditionalExpression(conditional) if id_of(&conditional.test) == Some(child) => {
                    return End::Elsewhere;
                }
                AstKind::ConditionalExpression(_) => {}
                AstKind::AwaitExpression(_) => return End::Awaited,
                AstKind::ReturnStatement(_) => return self.enclosing(parent).map_or(End::Elsewhere, End::Returned),
                AstKind::ArrowFunctionExpression(_) => return End::Returned(parent),
                _ => return End::Elsewhere,
            }
            child = parent;
        }
        End::Elsewhere
    }

    /// The function around a node.
    pub fn enclosing(&self, node: NodeId) -> Option<NodeId> {
        let nodes = self.semantic.nodes();
        nodes
            .ancestor_ids(node)
            .take(MAX_STEPS)
            .find(|id| matches!(nodes.kind(*id), AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)))
    }
}

/// Where a value goes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    Awaited,
    /// It is what this function returns.
    Returned(NodeId),
    Elsewhere,
}

/// The node of an expression of the kinds that can be a call or contain one at their end.
fn id_of(expression: &Expression<'_>) -> Option<NodeId> {
    match expression {
        Expression::CallExpression(it) => Some(it.node_id.get()),
        Expression::ParenthesizedExpression(it) => Some(it.node_id.get()),
        Expression::ChainExpression(it) => Some(it.node_id.get()),
        Expression::LogicalExpression(it) => Some(it.node_id.get()),
        Expression::ConditionalExpression(it) => Some(it.node_id.get()),
        _ => None,
    }
}
