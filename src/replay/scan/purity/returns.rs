//! What functions return, and which functions only the host calls.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;
use oxc_span::GetSpan;

use super::tree::is_data;
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
        if self.names_itself(function) {
            return false;
        }
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

    /// Whether a method of this name is always one of the engine's.
    pub(super) fn is_built_in_only(&self, name: &str) -> bool {
        !self.tree.methods.contains_key(name) && !self.tree.is_unclear(name)
    }

    /// Whether a method of this name is one of the engine's that returns what its callback returns, or something that holds it.
    /// A reduction gives it to the callback again.
    fn only_calls_back(&self, name: &str) -> bool {
        let promise = matches!(name, "then" | "catch" | "finally");
        names::calls_back(name)
            && !name.starts_with("reduce")
            && !(promise && self.tree.promises)
            && self.is_built_in_only(name)
    }

    /// Whether an expression is certainly no function: then `__defineGetter__` and the like, called by a computed name, fail.
    pub(super) fn is_no_function(&self, expression: &Expression<'_>, depth: usize) -> bool {
        const MAX_DEPTH: usize = 4;
        let Expression::Identifier(identifier) = expression.without_parentheses() else { return is_data(expression) };
        let Some(symbol) = self.tree.symbol_of(identifier).filter(|symbol| !self.tree.is_written(*symbol)) else {
            return values::global_name(self.tree.semantic, expression) == Some("undefined");
        };
        let declaration = self.tree.semantic.scoping().symbol_declaration(symbol);
        match self.tree.kind(declaration) {
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                declarator.init.as_ref().is_some_and(is_data)
            }
            AstKind::FormalParameter(parameter)
                if depth < MAX_DEPTH
                    && parameter.pattern.is_binding_identifier()
                    && parameter.initializer.is_none() =>
            {
                self.gets_no_function(declaration, depth)
            }
            _ => false,
        }
    }

    /// Whether a parameter never is a function: the host gives it something else, or all calls do.
    fn gets_no_function(&self, parameter: NodeId, depth: usize) -> bool {
        let Some(function) = self.tree.enclosing(parameter) else { return false };
        let Some(parameters) = self.tree.parameters(function) else { return false };
        let Some(index) = parameters.items.iter().position(|item| item.node_id.get() == parameter) else {
            return false;
        };
        if self.is_entry(function) {
            // `tx`, `op` and `ack` of handlers; exports are given `emit`, too.
            return index == 0 || self.is_handler(function);
        }
        let symbol = match (self.tree.kind(function), self.tree.kind(self.tree.parent(function))) {
            (AstKind::Function(function), _) if function.r#type == FunctionType::FunctionDeclaration => {
                function.id.as_ref().and_then(|id| id.symbol_id.get())
            }
            (_, AstKind::VariableDeclarator(declarator)) => {
                declarator.id.get_binding_identifier().and_then(|id| id.symbol_id.get())
            }
            // A method that only calls by a computed name reach is given what those are given.
            _ => None,
        };
        let Some(symbol) = symbol.filter(|symbol| self.tree.function_of(*symbol) == Some(function)) else {
            return false;
        };
        self.tree.semantic.scoping().get_resolved_references(symbol).all(|reference| {
            let node = reference.node_id();
            match self.tree.kind(self.tree.parent(node)) {
                AstKind::CallExpression(call) if call.callee.span() == self.tree.kind(node).span() => {
                    let before = call.arguments.iter().take(index.saturating_add(1));
                    !before.clone().any(Argument::is_spread)
                        && call
                            .arguments
                            .get(index)
                            .and_then(Argument::as_expression)
                            .is_none_or(|argument| self.is_no_function(argument, depth.saturating_add(1)))
                }
                _ => false,
            }
        })
    }

    /// Whether a function is `apply`, or one of the handlers in it.
    fn is_handler(&self, function: NodeId) -> bool {
        let scoping = self.tree.semantic.scoping();
        // Not exported under another name.
        let is_apply = |id: Option<&BindingIdentifier<'_>>| {
            id.is_some_and(|id| {
                let symbol = id.symbol_id.get();
                id.name == "apply" && symbol.is_some_and(|s| scoping.get_resolved_references(s).next().is_none())
            })
        };
        let parent = self.tree.parent(function);
        match (self.tree.kind(function), self.tree.kind(parent)) {
            (AstKind::Function(function), AstKind::ExportDeclaration(_)) => is_apply(function.id.as_ref()),
            (_, AstKind::VariableDeclarator(declarator)) => is_apply(declarator.id.get_binding_identifier()),
            (_, AstKind::ObjectProperty(_)) => match self.tree.kind(self.tree.parent(self.tree.parent(parent))) {
                AstKind::VariableDeclarator(declarator) => is_apply(declarator.id.get_binding_identifier()),
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a function expression uses its own name: it may call itself.
    fn names_itself(&self, function: NodeId) -> bool {
        match self.tree.kind(function) {
            AstKind::Function(expression) if expression.r#type == FunctionType::FunctionExpression => {
                let symbol = expression.id.as_ref().and_then(|id| id.symbol_id.get());
                let scoping = self.tree.semantic.scoping();
                symbol.is_some_and(|symbol| scoping.get_resolved_references(symbol).next().is_some())
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
        if self.names_itself(function) {
            return self.finding(node, "a function returns what outlives the call");
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
                if name.is_some_and(|name| self.only_calls_back(name)) {
                    return self.push(parent, bits.with(bits.held()));
                }
                if matches!(name, Some("sort")) && name.is_some_and(|name| self.is_built_in_only(name))
                    || values::built_in(self.tree.semantic, &call.callee).is_some()
                {
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
                    // During evaluation, the result is the initialiser's business, built-in objects aside.
                    if self.tree.enclosing(user).is_some() || bits.may_be_built_in() {
                        self.push(user, bits);
                    }
                }
                AstKind::CallExpression(call)
                    if call.callee.get_inner_expression().get_member_expr().is_some_and(|member| {
                        member.static_property_name().is_some_and(|name| self.only_calls_back(name))
                    }) =>
                {
                    self.push(user, bits.with(bits.held()));
                }
                _ => return self.finding(node, "a function returns what outlives the call"),
            }
        }
    }
}
