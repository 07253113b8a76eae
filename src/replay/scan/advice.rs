//! What in a contract's source is worth its author's attention, beside what the scan finds for audits.
//!
//! Nothing here decides anything about anybody: an audit never asks.

use oxc_ast::ast::{
    CallExpression, DoWhileStatement, Expression, ForStatement, ImportDeclaration, ModuleExportName, NewExpression,
    StaticMemberExpression, StringLiteral, TemplateElement, WhileStatement,
};
use oxc_ast_visit::{Visit, walk};
use oxc_span::{GetSpan, Span};

/// A place, as byte offset, and what is there.
pub(super) type Advice = (u32, String);

#[derive(Default)]
pub(super) struct Adviser {
    pub found: Vec<Advice>,
}

impl Adviser {
    fn note(&mut self, span: Span, what: impl Into<String>) {
        self.found.push((span.start, what.into()));
    }

    fn text(&mut self, span: Span, text: &str) {
        if text.starts_with("//.sys") || text.starts_with("/.sys") {
            self.note(span, "a path below /.sys: `//.sys/…` passes the runtime's guard and lands there");
        }
    }
}

fn is_true(test: &Expression<'_>) -> bool {
    match test {
        Expression::BooleanLiteral(literal) => literal.value,
        Expression::NumericLiteral(literal) => literal.value != 0.0,
        _ => false,
    }
}

impl<'a> Visit<'a> for Adviser {
    fn visit_string_literal(&mut self, it: &StringLiteral<'a>) {
        self.text(it.span, &it.value);
    }

    fn visit_template_element(&mut self, it: &TemplateElement<'a>) {
        self.text(it.span, &it.value.raw);
    }

    fn visit_static_member_expression(&mut self, it: &StaticMemberExpression<'a>) {
        let name = &*it.property.name;
        if let Expression::Identifier(object) = &it.object {
            match (&*object.name, name) {
                ("ack", "success" | "error" | "numChanges") => self.note(
                    it.span,
                    format!("ack.{name} is not known yet when the operation runs: it is undefined (numChanges is 0)"),
                ),
                ("Date", "now") => self.note(it.span, "the clock: ack.ts is the time that everybody knows"),
                ("Math", "random") => self.note(it.span, "random numbers, which nobody can repeat"),
                ("RegExp", "$1" | "$2" | "$3") => {
                    self.note(it.span, "RegExp.$1 and its like, which engines do differently")
                }
                ("Intl", _) => self.note(it.span, "Intl, whose data differ from engine to engine"),
                _ => {}
            }
        }
        if name.starts_with("toLocale") {
            self.note(it.span, format!("{name} depends on the executor's locale and its data"));
        }
        walk::walk_static_member_expression(self, it);
    }

    fn visit_new_expression(&mut self, it: &NewExpression<'a>) {
        if let Expression::Identifier(callee) = &it.callee
            && callee.name == "Date"
        {
            match it.arguments.len() {
                0 => self.note(it.span, "the clock: ack.ts is the time that everybody knows"),
                1 => {}
                _ => self.note(it.span, "a date from its parts depends on the executor's time zone: use Date.UTC"),
            }
        }
        walk::walk_new_expression(self, it);
    }

    fn visit_call_expression(&mut self, it: &CallExpression<'a>) {
        if let Expression::Identifier(callee) = &it.callee
            && callee.name == "Date"
        {
            self.note(it.span, "the clock: ack.ts is the time that everybody knows");
        }
        walk::walk_call_expression(self, it);
    }

    fn visit_import_declaration(&mut self, it: &ImportDeclaration<'a>) {
        if it.source.value == "contract" {
            for specifier in it.specifiers.iter().flatten() {
                let oxc_ast::ast::ImportDeclarationSpecifier::ImportSpecifier(named) = specifier else { continue };
                let name = match &named.imported {
                    ModuleExportName::IdentifierName(name) => name.name.as_str(),
                    ModuleExportName::IdentifierReference(name) => name.name.as_str(),
                    ModuleExportName::StringLiteral(name) => name.value.as_str(),
                };
                match name {
                    "isWriter" | "oplog" => {
                        self.note(named.span, format!("{name} is the local machine's: executor and auditors differ"));
                    }
                    "listOplogs" => self.note(named.span, "listOplogs() is always empty in Vitra's runtime"),
                    _ => {}
                }
            }
        }
        if it.source.value == "util" {
            self.note(it.span, "genUUID is random: nobody can repeat it");
        }
    }

    fn visit_while_statement(&mut self, it: &WhileStatement<'a>) {
        if is_true(&it.test) {
            self.note(it.span, "a loop without a bound of its own: an operation that never ends stops the database");
        }
        walk::walk_while_statement(self, it);
    }

    fn visit_do_while_statement(&mut self, it: &DoWhileStatement<'a>) {
        if is_true(&it.test) {
            self.note(it.span, "a loop without a bound of its own: an operation that never ends stops the database");
        }
        walk::walk_do_while_statement(self, it);
    }

    fn visit_for_statement(&mut self, it: &ForStatement<'a>) {
        if it.test.as_ref().is_none_or(is_true) {
            self.note(it.span(), "a loop without a bound of its own: an operation that never ends stops the database");
        }
        walk::walk_for_statement(self, it);
    }
}
