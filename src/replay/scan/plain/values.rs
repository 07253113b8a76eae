//! What is certain about the values of plain code: which are numbers, which are primitives, which cost no effects.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;
use oxc_span::GetSpan;
use oxc_syntax::operator::{BinaryOperator, UnaryOperator};

use super::roles::MAX_STEPS;
use super::uses::contains;
use super::{Check, names};

/// The deepest expression that is looked into.
const MAX_DEPTH: usize = 50;

impl<'a> Check<'_, 'a, '_> {
    /// Is the value of this expression certainly a number? (There are no BigInts in plain code.)
    pub(super) fn is_number(&self, expression: &Expression<'a>, depth: usize) -> bool {
        let next = depth.saturating_add(1);
        if depth > MAX_DEPTH {
            return false;
        }
        match expression.without_parentheses() {
            Expression::NumericLiteral(_) | Expression::UpdateExpression(_) => true,
            Expression::UnaryExpression(unary) => matches!(
                unary.operator,
                UnaryOperator::UnaryPlus | UnaryOperator::UnaryNegation | UnaryOperator::BitwiseNot
            ),
            Expression::BinaryExpression(binary) => match binary.operator {
                BinaryOperator::Subtraction
                | BinaryOperator::Multiplication
                | BinaryOperator::Division
                | BinaryOperator::Remainder
                | BinaryOperator::ShiftLeft
                | BinaryOperator::ShiftRight
                | BinaryOperator::ShiftRightZeroFill
                | BinaryOperator::BitwiseOR
                | BinaryOperator::BitwiseXOR
                | BinaryOperator::BitwiseAnd => true,
                BinaryOperator::Addition => self.is_number(&binary.left, next) && self.is_number(&binary.right, next),
                _ => false,
            },
            Expression::CallExpression(call) => match call.callee.without_parentheses() {
                Expression::Identifier(function) => {
                    self.roles.of(function).is_none()
                        && matches!(function.name.as_str(), "Number" | "parseInt" | "parseFloat")
                }
                Expression::StaticMemberExpression(member) => {
                    matches!(member.object.without_parentheses(), Expression::Identifier(object)
                        if self.roles.of(object).is_none() && object.name == "Math")
                }
                _ => false,
            },
            Expression::StaticMemberExpression(member) if member.property.name == "ts" => {
                matches!(member.object.without_parentheses(), Expression::Identifier(ack) if self.is_ack(ack))
            }
            _ => false,
        }
    }

    /// Is this the ack that the host gives a handler, of which the contract only reads properties?
    fn is_ack(&self, identifier: &IdentifierReference<'a>) -> bool {
        let Some(symbol) = self.roles.symbol(identifier) else { return false };
        let declared = self.semantic.symbol_declaration(symbol);
        let Some(function) = self.roles.enclosing(declared.id()) else { return false };
        let nodes = self.semantic.nodes();
        let parameters = match nodes.kind(function) {
            AstKind::Function(function) => &function.params,
            AstKind::ArrowFunctionExpression(arrow) => &arrow.params,
            _ => return false,
        };
        let third = parameters.items.get(2).is_some_and(|third| {
            third.initializer.is_none()
                && matches!(&third.pattern, BindingPattern::BindingIdentifier(name) if name.symbol_id.get() == Some(symbol))
        });
        let scoping = self.semantic.scoping();
        let few = scoping.get_resolved_references(symbol).nth(MAX_STEPS).is_none();
        let mut references = scoping.get_resolved_references(symbol).take(MAX_STEPS);
        let only_read = few && references.all(|reference| {
            let (parent, kind) = self.beyond_parentheses(reference.node_id());
            matches!(kind, AstKind::StaticMemberExpression(_))
                && !self.is_called_member(parent)
                && !matches!(
                    nodes.parent_kind(parent),
                    AstKind::AssignmentExpression(assignment) if assignment.left.span().start == nodes.kind(parent).span().start
                )
                && !matches!(
                    nodes.parent_kind(parent),
                    AstKind::UpdateExpression(_) | AstKind::UnaryExpression(_) | AstKind::ArrayAssignmentTarget(_)
                        | AstKind::AssignmentTargetWithDefault(_) | AstKind::AssignmentTargetPropertyProperty(_)
                        | AstKind::AssignmentTargetRest(_)
                )
        });
        third && only_read && self.is_handler(function)
    }

    /// Is this an entry of `apply` that nothing else calls?
    fn is_handler(&self, function: NodeId) -> bool {
        let (property, kind) = self.beyond_parentheses(function);
        let AstKind::ObjectProperty(_) = kind else { return false };
        let nodes = self.semantic.nodes();
        let object = nodes.parent_id(property);
        let AstKind::VariableDeclarator(declarator) = self.beyond_parentheses(object).1 else { return false };
        let BindingPattern::BindingIdentifier(name) = &declarator.id else { return false };
        let scoping = self.semantic.scoping();
        let uncalled = |symbol| {
            let mut references = scoping.get_resolved_references(symbol);
            // The first other use ends the search; of exports there are few.
            references.all(|reference| matches!(nodes.parent_kind(reference.node_id()), AstKind::ExportSpecifier(_)))
        };
        name.name == "apply" && name.symbol_id.get().is_some_and(uncalled)
    }

    /// Is the value of this expression certainly a primitive, so that it can be a key?
    pub(super) fn is_primitive(&self, expression: &Expression<'a>) -> bool {
        match expression.without_parentheses() {
            Expression::StringLiteral(_)
            | Expression::TemplateLiteral(_)
            | Expression::BooleanLiteral(_)
            | Expression::NullLiteral(_) => true,
            // Both kinds of addition give a primitive.
            Expression::BinaryExpression(_) => true,
            Expression::UnaryExpression(_) => true,
            Expression::CallExpression(call) => {
                matches!(call.callee.without_parentheses(), Expression::Identifier(function)
                    if self.roles.of(function).is_none() && names::FUNCTIONS.contains(&function.name.as_str()))
                    || self.is_number(expression, 0)
            }
            Expression::StaticMemberExpression(member) => {
                matches!(member.object.without_parentheses(), Expression::Identifier(ack)
                    if matches!(member.property.name.as_str(), "origin" | "ts" | "seq") && self.is_ack(ack))
            }
            other => self.is_number(other, 0),
        }
    }

    /// May computing this do more than give a value or fail?
    pub(super) fn has_effects(&self, expression: &Expression<'a>) -> bool {
        let nodes = self.semantic.nodes();
        // The nodes of a tree stand behind one another, in the order of their ids.
        let span = expression.span();
        let Some(first) = node_id(expression) else { return true };
        let mut index = first.index();
        loop {
            if index >= nodes.len() {
                return false;
            }
            let id = NodeId::from_usize(index);
            let kind = nodes.kind(id);
            if !contains(span, kind.span()) {
                return false;
            }
            if index.saturating_sub(first.index()) > MAX_STEPS {
                return true;
            }
            match kind {
                AstKind::AwaitExpression(_)
                | AstKind::AssignmentExpression(_)
                | AstKind::UpdateExpression(_)
                | AstKind::NewExpression(_)
                | AstKind::Function(_)
                | AstKind::ArrowFunctionExpression(_) => return true,
                AstKind::UnaryExpression(unary) if unary.operator == UnaryOperator::Delete => return true,
                AstKind::CallExpression(call) if !self.is_harmless_call(call) => return true,
                _ => {}
            }
            index = index.saturating_add(1);
        }
    }

    /// A call of a built-in that changes nothing.
    fn is_harmless_call(&self, call: &CallExpression<'a>) -> bool {
        match call.callee.without_parentheses() {
            Expression::Identifier(function) => {
                self.roles.of(function).is_none() && names::FUNCTIONS.contains(&function.name.as_str())
            }
            Expression::StaticMemberExpression(member) => match member.object.without_parentheses() {
                Expression::Identifier(object) if self.roles.of(object).is_none() => {
                    member.property.name != "assign" && member.property.name != "freeze"
                }
                _ => matches!(
                    member.property.name.as_str(),
                    "concat"
                        | "slice"
                        | "includes"
                        | "indexOf"
                        | "trim"
                        | "toLowerCase"
                        | "toUpperCase"
                        | "join"
                        | "padStart"
                        | "split"
                        | "has"
                        | "startsWith"
                        | "endsWith"
                        | "substring"
                ),
            },
            _ => false,
        }
    }
}

fn node_id(expression: &Expression<'_>) -> Option<NodeId> {
    Some(match expression {
        Expression::BooleanLiteral(it) => it.node_id.get(),
        Expression::NullLiteral(it) => it.node_id.get(),
        Expression::NumericLiteral(it) => it.node_id.get(),
        Expression::StringLiteral(it) => it.node_id.get(),
        Expression::TemplateLiteral(it) => it.node_id.get(),
        Expression::Identifier(it) => it.node_id.get(),
        Expression::ArrayExpression(it) => it.node_id.get(),
        Expression::BinaryExpression(it) => it.node_id.get(),
        Expression::CallExpression(it) => it.node_id.get(),
        Expression::ChainExpression(it) => it.node_id.get(),
        Expression::ConditionalExpression(it) => it.node_id.get(),
        Expression::LogicalExpression(it) => it.node_id.get(),
        Expression::ObjectExpression(it) => it.node_id.get(),
        Expression::ParenthesizedExpression(it) => it.node_id.get(),
        Expression::UnaryExpression(it) => it.node_id.get(),
        Expression::StaticMemberExpression(it) => it.node_id.get(),
        Expression::ComputedMemberExpression(it) => it.node_id.get(),
        _ => return None,
    })
}
