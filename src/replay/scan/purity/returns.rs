//! What functions return, and which functions only the host calls.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;
use oxc_span::GetSpan;

use super::values::{self, Bits};
use super::{Flow, names};

impl Flow<'_, '_, '_, '_> {
    /// Whether a binding is an import, or a parameter that only the host fills.
    pub(super) fn is_host(&self, symbol: oxc_syntax::symbol::SymbolId) -> bool {
        let scoping = self.tree.semantic.scoping();
        if scoping.symbol_flags(symbol).is_import() {
            return true;
        }
        let declaration = scoping.symbol_declaration(symbol);
        matches!(self.tree.kind(declaration), AstKind::FormalParameter(_))
            && !self.tree.is_written(symbol)
            && self.tree.enclosing(declaration).is_some_and(|function| self.is_entry(function))
    }

    /// Whether only the host calls a function: an exported one, or a method of an exported object, that nothing else names.
    pub(super) fn is_entry(&self, function: NodeId) -> bool {
        let nodes = self.tree.semantic.nodes();
        let scoping = self.tree.semantic.scoping();
        let unused = |symbol: Option<oxc_syntax::symbol::SymbolId>| {
            symbol.is_some_and(|symbol| {
                scoping.get_resolved_references(symbol).all(|reference| {
                    matches!(self.tree.kind(self.tree.parent(reference.node_id())), AstKind::ExportSpecifier(_))
                })
            })
        };
        let parent = self.tree.parent(function);
        match (self.tree.kind(function), self.tree.kind(parent)) {
            (AstKind::Function(declaration), AstKind::ExportDeclaration(_) | AstKind::ExportDefaultDeclaration(_)) => {
                declaration.id.as_ref().is_none_or(|id| unused(id.symbol_id.get()))
            }
            (AstKind::Function(declaration), AstKind::Program(_)) => {
                declaration.id.as_ref().and_then(|id| id.symbol_id.get()).is_some_and(|symbol| {
                    scoping.get_resolved_references(symbol).next().is_some() && unused(Some(symbol))
                })
            }
            (_, AstKind::VariableDeclarator(declarator)) if self.tree.enclosing(parent).is_none() => {
                unused(declarator.id.get_binding_identifier().and_then(|id| id.symbol_id.get()))
            }
            (_, AstKind::ObjectProperty(property)) if property.kind == PropertyKind::Init => {
                let literal = self.tree.parent(parent);
                let holder = nodes.parent_id(literal);
                match self.tree.kind(holder) {
                    AstKind::VariableDeclarator(declarator) if self.tree.enclosing(holder).is_none() => {
                        unused(declarator.id.get_binding_identifier().and_then(|id| id.symbol_id.get()))
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// A function returns a followed value.
    pub(super) fn returned(&mut self, node: NodeId, function: NodeId, bits: Bits) {
        let (kind, parent) = (self.tree.kind(function), self.tree.parent(function));
        if matches!(kind, AstKind::Function(function) if function.generator) {
            return self.finding(node, "a generator returns what outlives the call");
        }
        if self.is_entry(function) {
            return; // the host copies results
        }
        let span = kind.span();
        match self.tree.kind(parent) {
            AstKind::CallExpression(call) if call.callee.span() == span => return self.push(parent, bits),
            // A callback: the built-in method returns it, or something that holds it.
            AstKind::CallExpression(call) => {
                let name = call
                    .callee
                    .get_inner_expression()
                    .get_member_expr()
                    .and_then(|member| member.static_property_name());
                if name.is_some_and(|name| names::calls_back(name) && !self.tree.methods.contains_key(name)) {
                    return self.push(parent, bits.with(bits.held()));
                }
                if matches!(name, Some("sort")) || values::built_in(self.tree.semantic, &call.callee).is_some() {
                    return self.push(parent, bits.with(bits.held()));
                }
            }
            AstKind::ParenthesizedExpression(_) => {
                let user = self.tree.parent(parent);
                if let AstKind::CallExpression(call) = self.tree.kind(user)
                    && call.callee.span() == self.tree.kind(parent).span()
                {
                    return self.push(user, bits);
                }
            }
            _ => {}
        }
        let symbol = match (kind, self.tree.kind(parent)) {
            (AstKind::Function(declaration), _) if declaration.r#type == FunctionType::FunctionDeclaration => {
                declaration.id.as_ref().and_then(|id| id.symbol_id.get())
            }
            (_, AstKind::VariableDeclarator(declarator)) => {
                declarator.id.get_binding_identifier().and_then(|id| id.symbol_id.get())
            }
            _ => None,
        };
        let Some(symbol) = symbol.filter(|symbol| self.tree.function_of(*symbol) == Some(function)) else {
            return self.finding(node, "a function returns what outlives the call");
        };
        let references: Vec<NodeId> =
            self.tree.semantic.scoping().get_resolved_references(symbol).map(|reference| reference.node_id()).collect();
        for reference in references {
            let user = self.tree.parent(reference);
            let place = self.tree.kind(reference).span();
            match self.tree.kind(user) {
                AstKind::ExportSpecifier(_) => {}
                AstKind::CallExpression(call) if call.callee.span() == place => {
                    // During evaluation, the result is the initialiser's business.
                    if self.tree.enclosing(user).is_some() {
                        self.push(user, bits);
                    }
                }
                AstKind::CallExpression(call)
                    if call.callee.get_inner_expression().get_member_expr().is_some_and(|member| {
                        member
                            .static_property_name()
                            .is_some_and(|name| names::calls_back(name) && !self.tree.methods.contains_key(name))
                    }) =>
                {
                    self.push(user, bits.with(bits.held()));
                }
                _ => return self.finding(node, "a function returns what outlives the call"),
            }
        }
    }
}
