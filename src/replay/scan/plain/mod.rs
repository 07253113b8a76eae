//! Is a contract *plain*: does it use only what has been shown equal in every engine?
//!
//! # Why
//!
//! Executors run V8, of any version from 8.6 on; the replay runs QuickJS. A difference between replay and log accuses an
//! executor without a second witness only if no engine could have computed anything else. A list of known differences
//! cannot show that; this is the opposite, a list of what was compared. Whatever is not on it is found and named, because
//! nobody has looked at it: unknown kinds of syntax, unknown names, unknown ways to use them.
//!
//! # What a plain contract is
//!
//! - Syntax: functions, `async` and `await`, arrow functions, constants and variables, destructuring, templates, literals,
//!   spreads into arrays and objects, optional chains, loops but `for in`, `switch`, `try`, arithmetic but `**`. Classes only
//!   as `class Refused extends Error {}`.
//! - Functions are no values. A function is called by its name, given to a built-in method that calls it, or held by a
//!   constant object whose entries are called by name. So a contract has no `toString`, `then` or `toJSON` of its own, and no
//!   conversion of a value runs its code: when and how often engines convert a value cannot be observed.
//! - Methods are named in the source. `value.name(...)` is permitted if *every* built-in method of that name, of any type, is
//!   equal for every receiver and every argument that plain code can make.
//! - Promises are awaited where they arise, or returned. So there is only one thread of execution, and the number of turns
//!   that a promise takes cannot be observed; nor is there a second host call while one is pending.
//! - Errors are made only to be thrown, and what is caught can be thrown again or asked for its class: texts of errors, which
//!   engines word differently, are out of reach.
//! - A stored value whose computation has effects has a key that is certainly text or a number: engines disagree whether the
//!   key or the value comes first when the key cannot be converted.
//! - Dates are made from numbers only, `set` is called on a `new Map` only, iterators are iterated where they are made, regular expressions are literals of the
//!   subset in `patterns` and nothing but the receiver or first argument of a method.
//! - Calls have a fixed number of arguments: 65,536 of them are too many for QuickJS, and not for V8.
//!
//! # What is assumed, and judged elsewhere
//!
//! The values that come in (operation, ack, state) and go out (changes) are plain values ([`crate::database::Value`]): text
//! well-formed and of characters that Unicode 13 knows, numbers finite, dates in range, no BigInts, no key that
//! `Object.prototype` has, bounded sizes. A text that the contract cuts may end in half a character, which the host turns
//! into U+FFFD: a change with that character counts as not plain. The run itself noted nothing ([`Taint`] clean, not near a
//! limit of depth, memory or time): the notes see what a static view cannot, such as a built-in function converted to text,
//! a name of newer engines read from a list, case mapping of newer characters, a prototype exchanged by a computed key.
//!
//! [`Taint`]: crate::replay::engine::Taint
//!
//! # How it is shown
//!
//! `tests/plain.rs` compares each entry in V8 8.6, in V8 of Node 24 and here, over a pool of values, and random programs of
//! this language; `docs/engine.md` has the list in words.

pub mod names;
mod patterns;
mod roles;
mod uses;
mod values;

use std::collections::HashSet;

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::{NodeId, Semantic};
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::{AssignmentOperator, BinaryOperator, UnaryOperator};

use super::Findings;
use roles::{End, MAX_STEPS, Role, Roles};

/// Notes every place of a contract that is outside the white list.
pub(super) fn beyond_plain(semantic: &Semantic<'_>, findings: &mut Findings<'_>) {
    let roles = Roles::new(semantic);
    let mut check = Check { semantic, roles, findings, host_only: HashSet::new() };
    check.find_host_only();
    for node in semantic.nodes().iter() {
        check.node(node.id(), node.kind());
    }
}

struct Check<'c, 'a, 's> {
    semantic: &'c Semantic<'a>,
    roles: Roles<'c, 'a>,
    findings: &'c mut Findings<'s>,
    /// Exported functions that the contract never calls: participants do, on their own machines, never a replay.
    host_only: HashSet<NodeId>,
}

impl<'a> Check<'_, 'a, '_> {
    fn note(&mut self, span: Span, what: &str) {
        self.findings.add(span.start, what);
    }

    fn parent(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().parent_kind(node)
    }

    /// The first ancestor that is not a pair of parentheses, and its child on the way.
    fn beyond_parentheses(&self, node: NodeId) -> (NodeId, AstKind<'a>) {
        let nodes = self.semantic.nodes();
        for parent in nodes.ancestor_ids(node).take(MAX_STEPS) {
            if !matches!(nodes.kind(parent), AstKind::ParenthesizedExpression(_)) {
                return (parent, nodes.kind(parent));
            }
        }
        (node, nodes.kind(node))
    }

    fn find_host_only(&mut self) {
        let scoping = self.semantic.scoping();
        for statement in &self.semantic.nodes().program().body {
            let Statement::ExportDeclaration(export) = statement else { continue };
            let Declaration::FunctionDeclaration(function) = &export.declaration else { continue };
            let Some(id) = &function.id else { continue };
            let unused =
                id.symbol_id.get().is_some_and(|symbol| scoping.get_resolved_references(symbol).next().is_none());
            if unused && !matches!(id.name.as_str(), "apply" | "process") {
                self.host_only.insert(function.node_id.get());
            }
        }
    }

    /// Every kind of node that is not named here is outside the white list.
    fn node(&mut self, id: NodeId, kind: AstKind<'a>) {
        if !names::SYNTAX.contains(&kind.ty()) {
            return self.note(kind.span(), &unknown(kind));
        }
        match kind {
            // Permitted wherever the grammar has them; what they contain is looked at by itself.
            AstKind::ArrayExpression(_)
            | AstKind::ArrayPattern(_)
            | AstKind::ArrayAssignmentTarget(_)
            | AstKind::AssignmentPattern(_)
            | AstKind::AssignmentTargetRest(_)
            | AstKind::AssignmentTargetWithDefault(_)
            | AstKind::BindingRestElement(_)
            | AstKind::BlockStatement(_)
            | AstKind::BooleanLiteral(_)
            | AstKind::CatchClause(_)
            | AstKind::ChainExpression(_)
            | AstKind::ClassBody(_)
            | AstKind::ConditionalExpression(_)
            | AstKind::DoWhileStatement(_)
            | AstKind::EmptyStatement(_)
            | AstKind::ExportDeclaration(_)
            | AstKind::ExpressionStatement(_)
            | AstKind::ForStatement(_)
            | AstKind::FormalParameterRest(_)
            | AstKind::FormalParameters(_)
            | AstKind::FunctionBody(_)
            | AstKind::IfStatement(_)
            | AstKind::LogicalExpression(_)
            | AstKind::NullLiteral(_)
            | AstKind::ObjectAssignmentTarget(_)
            | AstKind::ObjectExpression(_)
            | AstKind::ObjectPattern(_)
            | AstKind::ParenthesizedExpression(_)
            | AstKind::ReturnStatement(_)
            | AstKind::SwitchCase(_)
            | AstKind::SwitchStatement(_)
            | AstKind::TryStatement(_)
            | AstKind::VariableDeclarator(_)
            | AstKind::WhileStatement(_) => {}
            AstKind::Program(program) => {
                if let Some(hashbang) = &program.hashbang {
                    self.note(hashbang.span, "a line for the shell");
                }
            }
            AstKind::Directive(directive) if directive.directive == "use strict" => {}
            AstKind::BreakStatement(BreakStatement { label: None, .. })
            | AstKind::ContinueStatement(ContinueStatement { label: None, .. }) => {}
            AstKind::FormalParameter(parameter) if parameter.decorators.is_empty() => {}
            AstKind::CatchParameter(caught) => {
                if !caught.pattern.is_binding_identifier() {
                    self.note(caught.span, "a caught error taken apart");
                }
            }
            AstKind::ThrowStatement(throw) => self.throw(throw),
            AstKind::ForOfStatement(of) => self.for_of(of),
            AstKind::VariableDeclaration(declaration) if !declaration.kind.is_using() => {}
            AstKind::AwaitExpression(awaits) => {
                if self.roles.enclosing(id).is_none() {
                    self.note(awaits.span, "await outside functions");
                }
            }
            AstKind::Function(function) => self.function(id, function),
            AstKind::ArrowFunctionExpression(arrow) => self.closure(id, arrow.span),
            AstKind::Class(class) => self.class(class),
            AstKind::NumericLiteral(number) => self.number(number),
            AstKind::StringLiteral(text) => {
                if text.lone_surrogates || !crate::database::unicode::settled(&text.value) {
                    self.note(text.span, "half characters, or characters newer than Unicode 13");
                }
            }
            AstKind::TemplateLiteral(_) => {}
            AstKind::TemplateElement(element) => {
                let cooked = element.value.cooked.as_ref().map_or("", |text| text.as_str());
                if element.lone_surrogates || !crate::database::unicode::settled(cooked) {
                    self.note(element.span, "half characters, or characters newer than Unicode 13");
                }
            }
            AstKind::RegExpLiteral(literal) => self.pattern(id, literal),
            AstKind::UnaryExpression(unary) => self.unary(unary),
            AstKind::BinaryExpression(binary) => self.binary(binary),
            AstKind::UpdateExpression(_) => {}
            AstKind::AssignmentExpression(assignment) => self.assignment(assignment),
            AstKind::SpreadElement(spread) => {
                if matches!(self.parent(id), AstKind::CallExpression(_) | AstKind::NewExpression(_)) {
                    self.note(spread.span, "a spread into arguments");
                }
            }
            AstKind::ObjectProperty(property) => self.property(id, property),
            AstKind::BindingProperty(property) => {
                if property.computed {
                    self.note(property.span, "a computed name in a pattern");
                }
                self.special_key(&property.key);
            }
            AstKind::AssignmentTargetPropertyProperty(property) => {
                if property.computed {
                    self.note(property.span, "a computed name in a pattern");
                }
                self.special_key(&property.name);
            }
            AstKind::AssignmentTargetPropertyIdentifier(property) => {
                self.special(property.span, &property.binding.name);
            }
            AstKind::StaticMemberExpression(member) => self.member(id, member),
            AstKind::ComputedMemberExpression(member) => self.computed_member(id, member),
            AstKind::CallExpression(call) => self.call(id, call),
            AstKind::NewExpression(new) => self.construct(id, new),
            AstKind::IdentifierReference(identifier) => self.reference(id, identifier),
            AstKind::BindingIdentifier(identifier) => self.word(identifier.span, &identifier.name),
            AstKind::IdentifierName(name) => {
                self.written(name.span, &name.name);
                // Names of exports and of members have their own rules.
                let own = matches!(
                    self.parent(id),
                    AstKind::ImportSpecifier(_) | AstKind::ExportSpecifier(_) | AstKind::StaticMemberExpression(_)
                );
                if !own {
                    self.special(name.span, &name.name);
                }
            }
            AstKind::ImportDeclaration(import) => self.import(import),
            AstKind::ImportSpecifier(_) | AstKind::ImportDefaultSpecifier(_) => {}
            AstKind::ExportNamedDeclaration(_) => {}
            AstKind::ExportSpecifier(specifier) => {
                if matches!(specifier.exported, ModuleExportName::StringLiteral(_)) {
                    self.note(specifier.span, "text as the name of an export");
                }
            }
            kind => self.note(kind.span(), &unknown(kind)),
        }
    }

    /// The source before an offset.
    fn before(&self, offset: u32) -> &'a str {
        self.semantic.source_text().get(..offset as usize).unwrap_or("")
    }

    fn throw(&mut self, throw: &ThrowStatement<'a>) {
        let permitted = match throw.argument.without_parentheses() {
            Expression::NewExpression(_) => true,
            Expression::Identifier(identifier) => self.roles.of(identifier) == Some(Role::Caught),
            _ => false,
        };
        if !permitted {
            self.note(throw.span, "something thrown that is neither a new error nor what was caught");
        }
    }

    fn for_of(&mut self, of: &ForOfStatement<'a>) {
        if of.r#await {
            self.note(of.span, "for await");
        }
        if !matches!(of.left, ForStatementLeft::VariableDeclaration(_)) {
            self.note(of.left.span(), "a loop over a variable that it does not declare");
        }
    }

    fn function(&mut self, id: NodeId, function: &Function<'a>) {
        if function.generator {
            self.note(function.span, "a generator");
        }
        match function.r#type {
            FunctionType::FunctionDeclaration => {
                let placed = matches!(
                    self.parent(id),
                    AstKind::Program(_) | AstKind::ExportDeclaration(_) | AstKind::FunctionBody(_)
                );
                if !placed {
                    self.note(function.span, "a function declared in a block");
                }
            }
            _ => self.closure(id, function.span),
        }
    }

    /// A function that is an expression.
    fn closure(&mut self, id: NodeId, span: Span) {
        let (parent, kind) = self.beyond_parentheses(id);
        let permitted = match kind {
            AstKind::VariableDeclarator(declarator) => declarator.id.is_binding_identifier(),
            AstKind::ObjectProperty(property) => self.is_entry(parent, property),
            // The call itself looks at its functions.
            AstKind::CallExpression(call) => {
                let callee = call.callee.span().start <= span.start && span.end <= call.callee.span().end;
                callee || self.calls_back(call, span)
            }
            _ => false,
        };
        if !permitted {
            return self.note(span, "a function as a value");
        }
        if let AstKind::CallExpression(_) | AstKind::VariableDeclarator(_) | AstKind::ObjectProperty(_) = kind
            && self.in_parameters(id)
        {
            self.note(span, "a function among the parameters of a function");
        }
    }

    fn in_parameters(&self, id: NodeId) -> bool {
        let nodes = self.semantic.nodes();
        for ancestor in nodes.ancestor_ids(id).take(MAX_STEPS) {
            match nodes.kind(ancestor) {
                AstKind::FormalParameter(_) | AstKind::FormalParameters(_) => return true,
                AstKind::FunctionBody(_) | AstKind::Program(_) => return false,
                _ => {}
            }
        }
        true
    }

    /// Is this property an entry of a table of functions?
    fn is_entry(&self, property: NodeId, it: &ObjectProperty<'a>) -> bool {
        let nodes = self.semantic.nodes();
        let object = nodes.parent_id(property);
        let AstKind::VariableDeclarator(declarator) = self.beyond_parentheses(object).1 else { return false };
        let BindingPattern::BindingIdentifier(name) = &declarator.id else { return false };
        let table = name.symbol_id.get().is_some_and(|symbol| self.roles.of_symbol(symbol) == Role::Table(object));
        let named = matches!(it.key, PropertyKey::StaticIdentifier(_) | PropertyKey::StringLiteral(_));
        table && named && !it.computed
    }

    fn class(&mut self, class: &Class<'a>) {
        let base = class.heritage.as_ref().map(|heritage| &heritage.expression);
        let errors = match base {
            Some(Expression::Identifier(base)) => match self.roles.of(base) {
                None => names::ERRORS.contains(&base.name.as_str()),
                Some(role) => role == Role::ErrorClass,
            },
            _ => false,
        };
        let bare = class.body.body.is_empty() && class.decorators.is_empty();
        if !(errors && bare && class.r#type == ClassType::ClassDeclaration) {
            self.note(class.span, "a class other than `class Name extends Error {}`");
        }
    }

    fn number(&mut self, number: &NumericLiteral<'a>) {
        let raw = number.raw.as_ref().map_or("", |raw| raw.as_str());
        if raw.bytes().filter(u8::is_ascii_alphanumeric).count() > 17 {
            self.note(number.span, "a number of more than 17 digits");
        }
    }

    fn unary(&mut self, unary: &UnaryExpression<'a>) {
        let permitted = match unary.operator {
            UnaryOperator::UnaryPlus
            | UnaryOperator::UnaryNegation
            | UnaryOperator::LogicalNot
            | UnaryOperator::BitwiseNot
            | UnaryOperator::Typeof
            | UnaryOperator::Void => true,
            UnaryOperator::Delete => unary.argument.without_parentheses().is_member_expression(),
        };
        if !permitted {
            self.note(unary.span, "delete of something other than a property");
        }
    }

    fn binary(&mut self, binary: &BinaryExpression<'a>) {
        let what = match binary.operator {
            BinaryOperator::Equality
            | BinaryOperator::Inequality
            | BinaryOperator::StrictEquality
            | BinaryOperator::StrictInequality
            | BinaryOperator::LessThan
            | BinaryOperator::LessEqualThan
            | BinaryOperator::GreaterThan
            | BinaryOperator::GreaterEqualThan
            | BinaryOperator::Addition
            | BinaryOperator::Subtraction
            | BinaryOperator::Multiplication
            | BinaryOperator::Remainder
            | BinaryOperator::ShiftLeft
            | BinaryOperator::ShiftRight
            | BinaryOperator::ShiftRightZeroFill
            | BinaryOperator::BitwiseOR
            | BinaryOperator::BitwiseXOR
            | BinaryOperator::BitwiseAnd
            | BinaryOperator::In => return,
            // In parentheses, QuickJS takes what follows a template for a regular expression, and refuses the contract.
            BinaryOperator::Division if self.before(binary.left.span().end).ends_with('`') => "a template divided",
            BinaryOperator::Division => return,
            BinaryOperator::Exponential => "the operator **",
            BinaryOperator::Instanceof => match binary.right.without_parentheses() {
                Expression::Identifier(class) if self.roles.of(class) == Some(Role::ErrorClass) => return,
                _ => "instanceof of something other than a class of the contract",
            },
        };
        self.note(binary.span, what);
    }

    fn assignment(&mut self, assignment: &AssignmentExpression<'a>) {
        if assignment.operator == AssignmentOperator::Exponential {
            self.note(assignment.span, "the operator **");
        }
        // On a frozen list with a value that is no length, engines fail with different errors.
        if let AssignmentTarget::StaticMemberExpression(member) = &assignment.left
            && member.property.name == "length"
        {
            self.note(assignment.span, "a length that is assigned");
        }
        if let AssignmentTarget::ComputedMemberExpression(member) = &assignment.left
            && !self.is_primitive(&member.expression)
            && self.has_effects(&assignment.right)
        {
            self.note(
                assignment.span,
                "a value with effects stored under a key that may not be text (engines disagree which comes first)",
            );
        }
    }

    fn property(&mut self, id: NodeId, property: &ObjectProperty<'a>) {
        if property.kind != PropertyKind::Init {
            self.note(property.span, "a getter or setter");
        }
        if property.method && !self.is_entry(id, property) {
            self.note(property.span, "a method of an object that is no constant table of functions");
        }
        self.special_key(&property.key);
    }

    /// A name that is written as text.
    fn special_key(&mut self, key: &PropertyKey<'a>) {
        if let PropertyKey::StringLiteral(name) = key {
            self.special(name.span, &name.value);
        }
    }

    fn import(&mut self, import: &ImportDeclaration<'a>) {
        let named = import.specifiers.as_ref().is_some_and(|specifiers| !specifiers.is_empty());
        let known = matches!(import.source.value.as_str(), "assert" | "contract");
        if !named || !known || import.phase.is_some() {
            return self.note(import.span, "an import other than of names from 'contract' or 'assert'");
        }
        for specifier in import.specifiers.iter().flatten() {
            let local = specifier.local();
            let role = local.symbol_id.get().map_or(Role::Other, |symbol| self.roles.of_symbol(symbol));
            if !matches!(role, Role::Index | Role::Assert | Role::Oplogs | Role::Machine) {
                self.note(specifier.span(), &format!("the import {}", local.name));
            }
        }
    }

    /// A name under which engines look for functions.
    fn special(&mut self, span: Span, name: &str) {
        if names::SPECIAL.contains(&name) {
            self.note(span, &format!("the name {name}"));
        }
    }

    /// A name that is bound.
    fn word(&mut self, span: Span, name: &str) {
        self.written(span, name);
        if names::WORDS.contains(&name) {
            self.note(span, &format!("the name {name}"));
        }
    }

    /// Is a name written in ASCII, and without escapes?
    fn written(&mut self, span: Span, name: &str) {
        if !name.is_ascii() || span.size() as usize != name.len() {
            self.note(span, "a name with escapes, or with characters beyond ASCII");
        }
    }
}

/// The words for a kind of node that is not on the list.
fn unknown(kind: AstKind<'_>) -> String {
    let what = match kind {
        AstKind::ThisExpression(_) => "this",
        AstKind::TaggedTemplateExpression(_) => "a tagged template",
        AstKind::PrivateFieldExpression(_) | AstKind::PrivateIdentifier(_) | AstKind::PrivateInExpression(_) => {
            "a private name"
        }
        AstKind::NewTarget(_) => "new.target",
        AstKind::ImportMeta(_) => "import.meta",
        AstKind::ImportExpression(_) => "import()",
        AstKind::Super(_) => "super",
        AstKind::YieldExpression(_) => "yield",
        AstKind::SequenceExpression(_) => "the comma operator",
        AstKind::ForInStatement(_) => "for in (use Object.keys)",
        AstKind::LabeledStatement(_) | AstKind::LabelIdentifier(_) => "a label",
        AstKind::BreakStatement(_) | AstKind::ContinueStatement(_) => "a jump to a label",
        AstKind::DebuggerStatement(_) => "debugger",
        AstKind::BigIntLiteral(_) => "a BigInt",
        AstKind::Elision(_) => "a hole in a list",
        AstKind::MethodDefinition(_) | AstKind::PropertyDefinition(_) => "a member of a class",
        AstKind::ExportDefaultDeclaration(_) => "export default",
        AstKind::ExportAllDeclaration(_) | AstKind::ExportFromDeclaration(_) => "an export from another module",
        AstKind::VariableDeclaration(_) => "using",
        AstKind::Directive(_) => "a directive",
        other => return format!("syntax that is not on the white list: {}", other.debug_name()),
    };
    what.to_owned()
}
