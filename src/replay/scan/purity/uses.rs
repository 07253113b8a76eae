//! What becomes of a long-lived value: one step from an expression to whatever uses it.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};
use oxc_syntax::symbol::SymbolId;

use super::values::{self, Bits};
use super::{Flow, names};

impl<'a> Flow<'_, '_, 'a, '_> {
    /// Looks at the use of one expression whose value is followed.
    pub(super) fn step(&mut self, node: NodeId, bits: Bits) {
        let span = self.tree.kind(node).span();
        let user = self.tree.parent(node);
        match self.tree.kind(user) {
            // The value goes on as it is.
            AstKind::ParenthesizedExpression(_) | AstKind::ChainExpression(_) | AstKind::AwaitExpression(_) => {
                self.push(user, bits);
            }
            AstKind::LogicalExpression(_) => self.push(user, bits),
            AstKind::ConditionalExpression(choice) if choice.test.span() != span => self.push(user, bits),
            AstKind::SequenceExpression(list) if list.expressions.last().is_some_and(|e| e.span() == span) => {
                self.push(user, bits);
            }
            // Only its conversion to a primitive, or whether it is there, matters.
            AstKind::BinaryExpression(test)
                if test.operator == BinaryOperator::Instanceof
                    && test.left.span() == span
                    && self.tree.instances
                    && values::built_in_name(self.tree.semantic, &test.right).is_none() =>
            {
                self.finding(node, "`instanceof` may give a function what outlives the call");
            }
            AstKind::ConditionalExpression(_)
            | AstKind::SequenceExpression(_)
            | AstKind::BinaryExpression(_)
            | AstKind::PrivateInExpression(_)
            | AstKind::ExpressionStatement(_)
            | AstKind::IfStatement(_)
            | AstKind::WhileStatement(_)
            | AstKind::DoWhileStatement(_)
            | AstKind::ForStatement(_)
            | AstKind::SwitchStatement(_)
            | AstKind::SwitchCase(_)
            | AstKind::ImportExpression(_) => {}
            // A binding is written elsewhere; `delete` of a member is seen from the member's object.
            AstKind::UnaryExpression(_) | AstKind::UpdateExpression(_) => {}
            AstKind::TemplateLiteral(_) => {
                if matches!(self.tree.kind(self.tree.parent(user)), AstKind::TaggedTemplateExpression(_)) {
                    self.finding(node, "a tagged template gets what outlives the call");
                }
            }
            AstKind::StaticMemberExpression(member) if member.object.span() == span => {
                self.member(user, Some(member.property.name.as_str()), bits);
            }
            AstKind::PrivateFieldExpression(member) if member.object.span() == span => {
                self.member(user, Some(member.field.name.as_str()), bits);
            }
            AstKind::ComputedMemberExpression(member) => {
                if member.object.span() == span {
                    let name = match member.expression.without_parentheses() {
                        Expression::StringLiteral(text) => Some(text.value.as_str()),
                        _ => None,
                    };
                    self.member(user, name, bits);
                }
            }
            AstKind::CallExpression(call) => {
                if call.callee.span() == span {
                    self.called(user, bits);
                } else {
                    self.argument(user, &call.callee, &call.arguments, span, bits);
                }
            }
            AstKind::NewExpression(new) => {
                if new.callee.span() == span {
                    self.called(user, bits);
                } else {
                    self.argument(user, &new.callee, &new.arguments, span, bits);
                }
            }
            AstKind::TaggedTemplateExpression(_) => self.called(user, bits),
            AstKind::SpreadElement(_) => self.spread(user, bits),
            AstKind::ArrayExpression(_) => self.push(user, bits.held().with(Bits::EXOTIC)),
            AstKind::ObjectProperty(property) => {
                if property.value.span() == span {
                    self.push(self.tree.parent(user), bits.held());
                }
            }
            AstKind::VariableDeclarator(declarator) => self.bind(&declarator.id, bits),
            AstKind::AssignmentPattern(pattern) => self.bind(&pattern.left, bits),
            AstKind::FormalParameter(parameter) => self.bind(&parameter.pattern, bits),
            AstKind::AssignmentExpression(assignment) if assignment.right.span() == span => {
                let keeps = assignment.operator.is_assign() || assignment.operator.is_logical();
                if keeps {
                    self.assign(user, &assignment.left, bits);
                    self.push(user, bits);
                }
            }
            AstKind::AssignmentTargetWithDefault(target) if target.init.span() == span => {
                self.assign(user, &target.binding, bits);
            }
            AstKind::AssignmentTargetPropertyIdentifier(target)
                if target.init.as_ref().is_some_and(|init| init.span() == span) =>
            {
                if let Some(symbol) = self.tree.symbol_of(&target.binding) {
                    self.push_symbol(symbol, bits);
                }
            }
            AstKind::BindingProperty(_) => {} // a computed key
            AstKind::ForOfStatement(each) if each.right.span() == span => self.iterate(user, &each.left, bits),
            AstKind::ForInStatement(each) if each.right.span() == span => {}
            AstKind::ReturnStatement(_) => {
                if let Some(function) = self.tree.enclosing(user) {
                    self.returned(node, function, bits);
                }
            }
            AstKind::ArrowFunctionExpression(_) => self.returned(node, user, bits),
            AstKind::Class(class) if class.heritage.as_ref().is_some_and(|h| h.expression.span() == span) => {
                if !(bits.has(Bits::FUNCTION) || bits.has(Bits::GLOBAL)) {
                    self.finding(node, "a class extends what outlives the call");
                }
            }
            // Targets of assignments: writes to bindings are found at the binding, writes to members at their object.
            AstKind::AssignmentExpression(_)
            | AstKind::ForOfStatement(_)
            | AstKind::ForInStatement(_)
            | AstKind::ArrayAssignmentTarget(_)
            | AstKind::AssignmentTargetRest(_)
            | AstKind::AssignmentTargetWithDefault(_)
            | AstKind::AssignmentTargetPropertyIdentifier(_)
            | AstKind::AssignmentTargetPropertyProperty(_) => {}
            _ => self.finding(node, "used in a way that the scan does not follow"),
        }
    }

    /// A property of the value is read, written or called. No name: a computed key.
    fn member(&mut self, member: NodeId, name: Option<&str>, bits: Bits) {
        let long = bits.has(Bits::LONG) || bits.has(Bits::HOST) || bits.has(Bits::COMPUTED);
        if self.is_written_to(member) {
            if long {
                self.finding(member, "a property of what outlives the call is changed");
            }
            return;
        }
        if bits.has(Bits::GLOBAL) && name.is_none() {
            self.finding(member, "a computed property of a built-in object");
        }
        if name == Some("prototype") && self.is_plain_patch(member) {
            return;
        }
        if name.is_some_and(names::may_be_regexp_state) && bits.may_be_regexp() {
            self.finding(member, "the state of the last match is kept in the realm");
        }
        if matches!(self.tree.kind(self.tree.parent(member)), AstKind::TaggedTemplateExpression(_)) {
            return self.finding(member, "a method is called as a tag");
        }
        if let AstKind::CallExpression(call) = self.tree.kind(self.tree.parent(member))
            && call.callee.span() == self.tree.kind(member).span()
        {
            let call = self.tree.parent(member);
            return self.method(member, call, name, bits);
        }
        let global_constant = match self.tree.kind(member) {
            AstKind::StaticMemberExpression(read) => values::global_name(self.tree.semantic, &read.object)
                .is_some_and(|object| names::is_constant(object, &read.property.name)),
            _ => false,
        };
        let prints = bits.has(Bits::FUNCTION) && matches!(name, Some("name" | "length"));
        let content = bits.content();
        if !(content.is_empty() || global_constant || prints || matches!(name, Some("length"))) {
            self.push(member, content);
        }
    }

    /// `[...value]`, `{...value}`, `f(...value)`.
    fn spread(&mut self, spread: NodeId, bits: Bits) {
        let into = self.tree.parent(spread);
        let in_object = matches!(self.tree.kind(into), AstKind::ObjectExpression(_));
        if bits.has(Bits::OPAQUE) && !in_object {
            self.finding(spread, "what is iterated may be an iterator that outlives the call");
        }
        let copied = bits.copied().deep();
        if copied.is_empty() {
            return;
        }
        if in_object || matches!(self.tree.kind(into), AstKind::ArrayExpression(_)) {
            self.push(into, copied);
        } else {
            self.finding(spread, "what outlives the call is spread over arguments");
        }
    }

    /// `for (left of value)`.
    fn iterate(&mut self, each: NodeId, left: &'a ForStatementLeft<'a>, bits: Bits) {
        if bits.has(Bits::OPAQUE) {
            self.finding(each, "what is iterated may be an iterator that outlives the call");
        }
        let content = bits.content();
        if content.is_empty() {
            return;
        }
        // A map yields pairs.
        let content = content.with(bits.holding());
        match left {
            ForStatementLeft::VariableDeclaration(declaration) => {
                for declarator in &declaration.declarations {
                    self.bind(&declarator.id, content.with(Bits::HOLDS));
                }
            }
            left => match left.as_assignment_target() {
                Some(target) => self.assign(each, target, content.with(Bits::HOLDS)),
                None => self.finding(each, "used in a way that the scan does not follow"),
            },
        }
    }

    /// Binds a pattern to a followed value.
    pub(super) fn bind(&mut self, pattern: &'a BindingPattern<'a>, bits: Bits) {
        if bits.is_empty() {
            return;
        }
        match pattern {
            BindingPattern::BindingIdentifier(identifier) => {
                if let Some(symbol) = identifier.symbol_id.get() {
                    self.push_symbol(symbol, bits);
                }
            }
            BindingPattern::AssignmentPattern(pattern) => self.bind(&pattern.left, bits),
            BindingPattern::ObjectPattern(object) => {
                for property in &object.properties {
                    let state = super::tree::key_name(&property.key).is_none_or(names::may_be_regexp_state);
                    if state && bits.may_be_regexp() {
                        self.finding(property.node_id.get(), "the state of the last match is kept in the realm");
                    }
                    self.bind(&property.value, bits.content());
                }
                if let Some(rest) = &object.rest {
                    self.bind(&rest.argument, bits.copied());
                }
            }
            BindingPattern::ArrayPattern(array) => {
                if bits.has(Bits::OPAQUE) {
                    self.finding(array.node_id.get(), "what is iterated may be an iterator that outlives the call");
                }
                for element in array.elements.iter().flatten() {
                    self.bind(element, bits.content());
                }
                if let Some(rest) = &array.rest {
                    self.bind(&rest.argument, bits.copied());
                }
            }
        }
    }

    /// Assigns a followed value.
    fn assign(&mut self, node: NodeId, target: &'a AssignmentTarget<'a>, bits: Bits) {
        match target {
            AssignmentTarget::AssignmentTargetIdentifier(identifier) => {
                if let Some(symbol) = self.tree.symbol_of(identifier) {
                    self.push_symbol(symbol, bits);
                }
            }
            AssignmentTarget::StaticMemberExpression(member) => self.store(node, &member.object, bits),
            AssignmentTarget::ComputedMemberExpression(member) => self.store(node, &member.object, bits),
            // Destructuring yields only what the value holds.
            AssignmentTarget::ArrayAssignmentTarget(_) | AssignmentTarget::ObjectAssignmentTarget(_)
                if bits.content().is_empty() && !bits.has(Bits::OPAQUE) => {}
            _ => self.finding(node, "what outlives the call is stored where the scan does not follow"),
        }
    }

    /// Puts a followed value into a container: fine when the container is a literal that a local variable always holds.
    pub(super) fn store(&mut self, node: NodeId, container: &Expression<'_>, bits: Bits) {
        if self.setters {
            return self.finding(node, "what outlives the call is stored where a setter may get it");
        }
        let Some(symbol) = self.fresh_container(container) else {
            return self.finding(node, "what outlives the call is stored where the scan does not follow");
        };
        self.push_symbol(symbol, bits.held());
    }

    fn fresh_container(&self, container: &Expression<'_>) -> Option<SymbolId> {
        let Expression::Identifier(identifier) = container.without_parentheses() else { return None };
        let symbol = self.tree.symbol_of(identifier)?;
        if self.tree.is_written(symbol) {
            return None;
        }
        let declaration = self.tree.semantic.scoping().symbol_declaration(symbol);
        let AstKind::VariableDeclarator(declarator) = self.tree.kind(declaration) else { return None };
        if !declarator.id.is_binding_identifier() {
            return None;
        }
        match declarator.init.as_ref()?.without_parentheses() {
            Expression::ObjectExpression(object) if is_flat(&object.properties) => Some(symbol),
            Expression::ArrayExpression(array) if array.elements.is_empty() => Some(symbol),
            Expression::NewExpression(new)
                if new.arguments.is_empty()
                    && matches!(values::global_name(self.tree.semantic, &new.callee), Some("Map" | "Set")) =>
            {
                Some(symbol)
            }
            _ => None,
        }
    }

    /// Whether a member expression is a target: assigned, updated, deleted.
    pub(super) fn is_written_to(&self, member: NodeId) -> bool {
        let span = self.tree.kind(member).span();
        let mut user = self.tree.parent(member);
        while matches!(self.tree.kind(user), AstKind::ParenthesizedExpression(_) | AstKind::ChainExpression(_)) {
            user = self.tree.parent(user);
        }
        let left = |left: &ForStatementLeft<'_>| left.span() == span;
        match self.tree.kind(user) {
            AstKind::UpdateExpression(_) => true,
            AstKind::UnaryExpression(unary) => unary.operator == UnaryOperator::Delete,
            AstKind::AssignmentExpression(assignment) => !contains(assignment.right.span(), span),
            AstKind::ForOfStatement(each) => left(&each.left),
            AstKind::ForInStatement(each) => left(&each.left),
            AstKind::ArrayAssignmentTarget(_) | AstKind::AssignmentTargetRest(_) => true,
            AstKind::AssignmentTargetWithDefault(target) => !contains(target.init.span(), span),
            AstKind::AssignmentTargetPropertyProperty(target) => target.binding.span() == span,
            _ => false,
        }
    }

    pub(super) fn is_callee(&self, node: NodeId) -> bool {
        self.tree.is_callee(node)
    }
}

/// Whether a literal holds nothing that some other name may reach: no nested expressions that are not primitive literals.
fn is_flat(properties: &[ObjectPropertyKind<'_>]) -> bool {
    properties.iter().all(|property| match property {
        ObjectPropertyKind::ObjectProperty(property) => {
            property.kind == PropertyKind::Init && property.value.is_literal() || property.value.is_undefined()
        }
        ObjectPropertyKind::SpreadProperty(_) => false,
    })
}

fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
