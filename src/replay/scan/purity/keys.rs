//! What a computed key may be: any name at all, or certainly none that objects inherit.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_syntax::symbol::SymbolId;

use super::{Flow, names, values};

/// What a computed key may be.
pub enum Key<'e> {
    /// Always this.
    Named(&'e str),
    /// Never the name of an inherited property.
    Harmless,
    /// Anything.
    Any,
}

/// Whether no inherited name contains this text.
fn names_nothing(text: &str) -> bool {
    text.chars().any(|character| !(character.is_ascii_alphanumeric() || character == '_' || character == '$'))
}

impl Flow<'_, '_, '_, '_> {
    /// What a computed key may be.
    pub(super) fn key<'e>(&self, key: &'e Expression<'e>) -> Key<'e> {
        match key.without_parentheses() {
            Expression::StringLiteral(text) => Key::Named(text.value.as_str()),
            Expression::TemplateLiteral(text) => match text.single_quasi() {
                Some(name) if text.expressions.is_empty() => Key::Named(name.as_str()),
                _ if text
                    .quasis
                    .iter()
                    .any(|part| names_nothing(part.value.cooked.as_ref().map_or("", |t| t.as_str()))) =>
                {
                    Key::Harmless
                }
                _ => Key::Any,
            },
            Expression::BinaryExpression(sum) if sum.operator == BinaryOperator::Addition => {
                let literal = |side: &Expression<'_>| match side.without_parentheses() {
                    Expression::StringLiteral(text) => names_nothing(&text.value),
                    _ => false,
                };
                let nested =
                    |side: &'e Expression<'e>| matches!(side, Expression::Identifier(_)) && self.is_number(side);
                if literal(&sum.left) || literal(&sum.right) || (nested(&sum.left) && self.is_number(&sum.right)) {
                    Key::Harmless
                } else {
                    Key::Any
                }
            }
            other if self.is_number(other) => Key::Harmless,
            Expression::StaticMemberExpression(member)
                if values::global_name(self.tree.semantic, &member.object) == Some("Symbol") =>
            {
                Key::Named(names::SYMBOL)
            }
            _ => Key::Any,
        }
    }

    /// Whether an expression is certainly a number or a bigint.
    fn is_number(&self, expression: &Expression<'_>) -> bool {
        match expression.without_parentheses() {
            Expression::NumericLiteral(_) | Expression::UpdateExpression(_) => true,
            Expression::BinaryExpression(binary) => {
                binary.operator.is_arithmetic() && binary.operator != BinaryOperator::Addition
            }
            Expression::UnaryExpression(unary) => matches!(
                unary.operator,
                UnaryOperator::UnaryPlus | UnaryOperator::UnaryNegation | UnaryOperator::BitwiseNot
            ),
            Expression::Identifier(identifier) => self.tree.symbol_of(identifier).is_some_and(|s| self.counts(s)),
            Expression::CallExpression(call) => match call.callee.without_parentheses() {
                Expression::StaticMemberExpression(member) => {
                    values::global_name(self.tree.semantic, &member.object) == Some("Math")
                        && values::built_in(self.tree.semantic, &call.callee).is_some()
                        && !names::reads(&member.property.name)
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Whether a binding starts as a numeric literal and is only ever counted up and down.
    fn counts(&self, symbol: SymbolId) -> bool {
        let scoping = self.tree.semantic.scoping();
        let declaration = scoping.symbol_declaration(symbol);
        let starts = match self.tree.kind(declaration) {
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                matches!(&declarator.init, Some(init) if matches!(init.without_parentheses(), Expression::NumericLiteral(_)))
            }
            _ => false,
        };
        starts
            && scoping.symbol_redeclarations(symbol).is_empty()
            && scoping.get_resolved_references(symbol).filter(|reference| reference.is_write()).all(|reference| {
                match self.tree.kind(self.tree.parent(reference.node_id())) {
                    AstKind::UpdateExpression(_) => true,
                    AstKind::AssignmentExpression(assignment) => {
                        matches!(assignment.operator, AssignmentOperator::Addition | AssignmentOperator::Subtraction)
                            && matches!(assignment.right.without_parentheses(), Expression::NumericLiteral(_))
                    }
                    _ => false,
                }
            })
    }
}
