//! How a plain contract uses names, members and calls.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};
use oxc_syntax::operator::BinaryOperator;

use super::roles::Target;
use super::{Check, End, Role, names, patterns};

impl<'a> Check<'_, 'a, '_> {
    /// A name is used.
    pub(super) fn reference(&mut self, id: NodeId, identifier: &IdentifierReference<'a>) {
        self.written(identifier.span, &identifier.name);
        let (parent, kind) = self.beyond_parentheses(id);
        let name = identifier.name.as_str();
        let span = identifier.span;
        let callee = matches!(kind, AstKind::CallExpression(call) if is_at(&call.callee, span));
        let object = matches!(kind, AstKind::StaticMemberExpression(member) if is_at(&member.object, span));
        let called_back = matches!(kind, AstKind::CallExpression(call) if self.calls_back(call, span));
        let Some(role) = self.roles.of(identifier) else {
            let permitted = names::VALUES.contains(&name)
                || callee && names::FUNCTIONS.contains(&name)
                || called_back && names::CALLBACKS.contains(&name)
                || object && self.is_static(parent, name)
                || matches!(kind, AstKind::NewExpression(new) if is_at(&new.callee, span))
                || matches!(kind, AstKind::Class(_));
            if !permitted {
                self.note(span, &format!("the global {name}"));
            }
            return;
        };
        let permitted = match role {
            Role::Data => !callee || self.is_hosts_parameter(identifier),
            Role::Function(_) => {
                let entry = matches!(kind, AstKind::ObjectProperty(property) if self.is_entry(parent, property));
                callee || called_back || entry || matches!(kind, AstKind::ExportSpecifier(_))
            }
            Role::Table(_) => matches!(kind, AstKind::ExportSpecifier(_)) || object && self.is_called_member(parent),
            Role::Pattern => self.is_pattern_place(parent, kind, span),
            Role::ErrorClass => {
                matches!(kind, AstKind::NewExpression(new) if is_at(&new.callee, span))
                    || matches!(kind, AstKind::BinaryExpression(binary)
                        if binary.operator == BinaryOperator::Instanceof && is_at(&binary.right, span))
                    || matches!(kind, AstKind::Class(_))
            }
            Role::Caught => {
                matches!(kind, AstKind::ThrowStatement(_))
                    || matches!(kind, AstKind::BinaryExpression(binary)
                        if binary.operator == BinaryOperator::Instanceof && is_at(&binary.left, span))
            }
            Role::Index => object && self.is_called_member(parent),
            Role::Assert | Role::Oplogs => callee,
            Role::Machine => self.roles.enclosing(id).is_some_and(|function| self.host_only.contains(&function)),
            Role::Other => false,
        };
        if permitted {
            return;
        }
        let what = match role {
            Role::Data => "a call of what may be no function of the contract",
            Role::Function(_) => "a function as a value",
            Role::Table(_) => "a table of functions as a value",
            Role::Pattern => "a regular expression as a value",
            Role::ErrorClass => "a class as a value",
            Role::Caught => "a caught error as a value",
            Role::Index => "index as a value",
            Role::Assert | Role::Oplogs => "a function of the host as a value",
            Role::Machine => "what the executor's machine decides",
            Role::Other => "a name whose meaning may change",
        };
        self.note(span, what);
    }

    /// Is this `emit` or another parameter of a function that only participants call?
    fn is_hosts_parameter(&self, identifier: &IdentifierReference<'a>) -> bool {
        let Some(symbol) = self.roles.symbol(identifier) else { return false };
        let declared = self.semantic.symbol_declaration(symbol);
        matches!(declared.kind(), AstKind::FormalParameter(_))
            && self.roles.enclosing(declared.id()).is_some_and(|function| self.host_only.contains(&function))
    }

    /// Is this a permitted member of a global object, used as it may be?
    fn is_static(&self, member: NodeId, object: &str) -> bool {
        let AstKind::StaticMemberExpression(it) = self.semantic.nodes().kind(member) else { return false };
        let name = it.property.name.as_str();
        if names::CONSTANTS.contains(&(object, name)) {
            return true;
        }
        let listed = names::STATICS.iter().any(|(of, own, _)| *of == object && *own == name);
        listed && self.is_called_member(member) || object == "Object" && name == "prototype" && self.is_has_own(member)
    }

    /// `Object.prototype.hasOwnProperty.call(value, key)`, from the member `Object.prototype`.
    fn is_has_own(&self, prototype: NodeId) -> bool {
        let nodes = self.semantic.nodes();
        let has_own = nodes.parent_id(prototype);
        let AstKind::StaticMemberExpression(second) = nodes.kind(has_own) else { return false };
        let call = nodes.parent_id(has_own);
        let AstKind::StaticMemberExpression(third) = nodes.kind(call) else { return false };
        second.property.name == "hasOwnProperty" && third.property.name == "call" && self.is_called_member(call)
    }

    /// Does this member belong to `Object.prototype.hasOwnProperty.call(...)`?
    fn in_has_own(&self, member: &StaticMemberExpression<'a>) -> bool {
        let mut steps = vec![member.property.name.as_str()];
        let mut object = &member.object;
        while let Expression::StaticMemberExpression(inner) = object {
            if steps.len() > 3 {
                return false;
            }
            steps.push(inner.property.name.as_str());
            object = &inner.object;
        }
        let whole = ["call", "hasOwnProperty", "prototype"];
        let global = matches!(object, Expression::Identifier(it) if it.name == "Object" && self.roles.of(it).is_none());
        global && !steps.is_empty() && whole.ends_with(&steps)
    }

    pub(super) fn is_called_member(&self, member: NodeId) -> bool {
        let AstKind::StaticMemberExpression(it) = self.semantic.nodes().kind(member) else { return false };
        matches!(self.parent(member), AstKind::CallExpression(call) if is_at(&call.callee, it.span))
    }

    /// `value.name`, called or not.
    pub(super) fn member(&mut self, id: NodeId, member: &StaticMemberExpression<'a>) {
        let name = member.property.name.as_str();
        if self.in_has_own(member) {
            // The identifier `Object` decides, and the call.
            return;
        }
        if self.is_called_member(id) {
            return self.method(id, member);
        }
        if let Expression::Identifier(object) = member.object.without_parentheses()
            && self.roles.of(object).is_none()
        {
            // The identifier decides.
            return;
        }
        self.special(member.property.span, name);
    }

    pub(super) fn computed_member(&mut self, id: NodeId, member: &ComputedMemberExpression<'a>) {
        if matches!(self.parent(id), AstKind::CallExpression(call) if is_at(&call.callee, member.span)) {
            self.note(member.span, "a method of computed name");
        }
        if let Expression::StringLiteral(name) = member.expression.without_parentheses() {
            self.special(name.span, &name.value);
        }
    }

    /// `value.name(...)`.
    fn method(&mut self, id: NodeId, member: &StaticMemberExpression<'a>) {
        let AstKind::CallExpression(call) = self.parent(id) else { return };
        let name = member.property.name.as_str();
        let arguments = call.arguments.len();
        if let Expression::Identifier(object) = member.object.without_parentheses() {
            let permitted = match self.roles.of(object) {
                None => match names::STATICS.iter().find(|(of, own, _)| *of == object.name && *own == name) {
                    Some((_, _, most)) => arguments <= *most,
                    None => false,
                },
                Some(Role::Index) => names::INDEX.contains(&name) && arguments <= 2,
                Some(Role::Table(table)) => self.roles.entry(table, name).is_some(),
                Some(Role::Pattern) => names::PATTERN_METHODS.contains(&name) && arguments <= 1,
                Some(_) => return self.method_of_value(id, call, member),
            };
            if !permitted {
                self.note(member.span, &format!("{}.{name}, or its arguments", object.name));
            }
            return;
        }
        if matches!(member.object.without_parentheses(), Expression::RegExpLiteral(_)) {
            if !(names::PATTERN_METHODS.contains(&name) && arguments <= 1) {
                self.note(member.property.span, &format!("the method {name} of a regular expression"));
            }
            return;
        }
        self.method_of_value(id, call, member);
    }

    fn method_of_value(&mut self, id: NodeId, call: &CallExpression<'a>, member: &StaticMemberExpression<'a>) {
        let span = member.property.span;
        let name = member.property.name.as_str();
        let first = call.arguments.first().and_then(Argument::as_expression);
        let with_pattern = first.is_some_and(|first| self.is_pattern(first));
        let known = names::METHODS.contains(&name)
            || names::MATCHING.contains(&name) && (with_pattern || !matches!(name, "match" | "search"))
            || names::WITH_LITERAL.contains(&name)
                && matches!(first, Some(Expression::NumericLiteral(number)) if number.value <= 10_000.0)
            || names::OF_MAPS.contains(&name) && self.is_map(&member.object)
            || names::ITERATING.contains(&name)
                && call.arguments.is_empty()
                && self.is_iterated(self.semantic.nodes().parent_id(id));
        if !known {
            return self.note(span, &format!("the method {name}"));
        }
        if names::WITHOUT_ARGUMENTS.contains(&name) && !call.arguments.is_empty() {
            return self.note(span, &format!("the method {name} with arguments"));
        }
        // Built-in functions as callbacks are permitted by name; others are the contract's.
        let optional = match name {
            "sort" => first.is_none(),
            "replace" | "replaceAll" => true,
            _ => false,
        };
        if names::CALLING.contains(&name) && !optional {
            let function = first.is_some_and(|first| self.is_callback(first));
            if !function {
                self.note(span, &format!("the method {name} with what may be no function of the contract"));
            }
        }
    }

    /// Is this a constant that is made by `new Map`?
    fn is_map(&self, object: &Expression<'a>) -> bool {
        let Expression::Identifier(identifier) = object.without_parentheses() else { return false };
        let Some(symbol) = self.roles.symbol(identifier) else { return false };
        let AstKind::VariableDeclarator(declarator) = self.semantic.symbol_declaration(symbol).kind() else {
            return false;
        };
        let constant = !self.semantic.scoping().symbol_is_mutated(symbol) && declarator.id.is_binding_identifier();
        let Some(Expression::NewExpression(new)) = declarator.init.as_ref().map(Expression::without_parentheses) else {
            return false;
        };
        constant
            && matches!(new.callee.without_parentheses(), Expression::Identifier(class)
                if class.name == "Map" && self.roles.of(class).is_none())
    }

    /// Is this an iterator's place: where all of it is taken at once?
    fn is_iterated(&self, call: NodeId) -> bool {
        let (_, kind) = self.beyond_parentheses(call);
        let AstKind::CallExpression(it) = self.semantic.nodes().kind(call) else { return false };
        match kind {
            AstKind::ForOfStatement(of) => is_at(&of.right, it.span),
            AstKind::SpreadElement(spread) => self.is_array_spread(spread),
            AstKind::NewExpression(_) => true,
            AstKind::CallExpression(outer) => {
                let from = matches!(outer.callee.without_parentheses(), Expression::StaticMemberExpression(member)
                    if matches!(member.object.without_parentheses(), Expression::Identifier(object)
                        if self.roles.of(object).is_none()
                            && matches!((object.name.as_str(), member.property.name.as_str()),
                                ("Array", "from") | ("Object", "fromEntries"))));
                from && outer.arguments.first().is_some_and(|first| first.span() == it.span)
            }
            _ => false,
        }
    }

    fn is_array_spread(&self, spread: &SpreadElement<'a>) -> bool {
        matches!(self.parent(spread.node_id.get()), AstKind::ArrayExpression(_))
    }

    /// Does this call give what stands at `span` to a built-in that calls it?
    pub(super) fn calls_back(&self, call: &CallExpression<'a>, span: Span) -> bool {
        let Expression::StaticMemberExpression(member) = call.callee.without_parentheses() else { return false };
        let name = member.property.name.as_str();
        let place = call.arguments.iter().take(2).position(|argument| contains(argument.span(), span));
        if let Expression::Identifier(object) = member.object.without_parentheses() {
            match self.roles.of(object) {
                None => return object.name == "Array" && name == "from" && place == Some(1),
                Some(Role::Data) => {}
                Some(_) => return false,
            }
        }
        match name {
            "replace" | "replaceAll" => place == Some(1),
            _ => names::CALLING.contains(&name) && place == Some(0),
        }
    }

    /// A function that a built-in method may call: the contract's, or one of those that are permitted by name.
    fn is_callback(&self, expression: &Expression<'a>) -> bool {
        match expression.without_parentheses() {
            Expression::Identifier(identifier) if self.roles.of(identifier).is_none() => {
                names::CALLBACKS.contains(&identifier.name.as_str())
            }
            expression => self.roles.function(expression).is_some(),
        }
    }

    pub(super) fn call(&mut self, id: NodeId, call: &CallExpression<'a>) {
        let target = self.roles.target(call);
        if self.roles.is_promise(target) && self.roles.end(id) == End::Elsewhere {
            self.note(call.span, "a promise that is not awaited at once");
        }
        for argument in &call.arguments {
            let Some(expression) = argument.as_expression() else { continue };
            if let Some(function) = self.roles.function(expression)
                && self.calls_back(call, expression.span())
                && self.roles.gives_promises(function)
            {
                self.note(expression.span(), "a callback that gives promises");
            }
        }
        match call.callee.without_parentheses() {
            // The identifier or the member decides.
            Expression::Identifier(_)
            | Expression::StaticMemberExpression(_)
            | Expression::ComputedMemberExpression(_) => {}
            Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_) => {}
            other => self.note(other.span(), "a call of what may be no function of the contract"),
        }
        if call.optional && !matches!(target, Target::Other) {
            return;
        }
        if call.optional {
            self.note(call.span, "an optional call");
        }
    }

    pub(super) fn construct(&mut self, id: NodeId, new: &NewExpression<'a>) {
        let Expression::Identifier(class) = new.callee.without_parentheses() else {
            return self.note(new.span, "new of something other than a name");
        };
        let name = class.name.as_str();
        let error = match self.roles.of(class) {
            None => names::ERRORS.contains(&name),
            Some(role) => role == Role::ErrorClass,
        };
        if error {
            let thrown = matches!(self.beyond_parentheses(id).1, AstKind::ThrowStatement(_));
            if !thrown || new.arguments.len() > 1 {
                self.note(new.span, "an error that is not thrown at once, or has options");
            }
            return;
        }
        let listed = self.roles.of(class).is_none()
            && names::CONSTRUCTORS.iter().any(|(own, most)| *own == name && new.arguments.len() <= *most);
        if !listed {
            return self.note(new.span, &format!("new {name}, or its arguments"));
        }
        if name == "Date" {
            let numeric =
                new.arguments.first().and_then(Argument::as_expression).is_some_and(|first| self.is_number(first, 0));
            if !numeric {
                self.note(new.span, "new Date of what may be no number");
            }
        }
    }

    /// A literal regular expression.
    pub(super) fn pattern(&mut self, id: NodeId, literal: &RegExpLiteral<'a>) {
        if !patterns::is_plain(literal) {
            self.note(literal.span, "a regular expression beyond the plain subset");
        }
        // In parentheses, QuickJS decides by the token before a slash whether it divides.
        let before = self.before(literal.span.start).trim_end();
        if !(before.ends_with(|last: char| "(,=:[!&|?;+-*%<>~^{".contains(last)) || before.ends_with("return")) {
            self.note(literal.span, "a regular expression after what may be a divisor's left side");
        }
        let (parent, kind) = self.beyond_parentheses(id);
        let constant = matches!(kind, AstKind::VariableDeclarator(declarator)
            if matches!(&declarator.id, BindingPattern::BindingIdentifier(name)
                if name.symbol_id.get().is_some_and(|symbol| self.roles.of_symbol(symbol) == Role::Pattern)));
        if !constant && !self.is_pattern_place(parent, kind, literal.span) {
            self.note(literal.span, "a regular expression as a value");
        }
    }

    /// The receiver of `test` or `exec`, or the first argument of `match`, `replace`, `search` or `split`.
    fn is_pattern_place(&self, parent: NodeId, kind: AstKind<'a>, span: Span) -> bool {
        match kind {
            AstKind::StaticMemberExpression(member) => {
                names::PATTERN_METHODS.contains(&member.property.name.as_str()) && self.is_called_member(parent)
            }
            AstKind::CallExpression(call) => {
                let first = call.arguments.first().is_some_and(|first| contains(first.span(), span));
                let Expression::StaticMemberExpression(member) = call.callee.without_parentheses() else {
                    return false;
                };
                first && names::MATCHING.contains(&member.property.name.as_str())
            }
            _ => false,
        }
    }

    fn is_pattern(&self, expression: &Expression<'a>) -> bool {
        match expression.without_parentheses() {
            Expression::RegExpLiteral(_) => true,
            Expression::Identifier(identifier) => self.roles.of(identifier) == Some(Role::Pattern),
            _ => false,
        }
    }
}

fn is_at(expression: &Expression<'_>, span: Span) -> bool {
    contains(expression.span(), span) && expression.without_parentheses().span() == span || expression.span() == span
}

pub(super) fn contains(outer: Span, inner: Span) -> bool {
    outer.start <= inner.start && inner.end <= outer.end
}
