//! Calls: of a followed value, with one as receiver, with one as argument.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;
use oxc_span::{GetSpan, Span};

use super::Flow;
use super::keys::Key;
use super::names::{self, Use};
use super::tree::{is_data, literal_function};
use super::values::{self, Bits};

/// Methods of the transaction object that the host gives to `apply`: they copy their arguments.
const HOST_METHODS: [&str; 5] = ["put", "delete", "addOplog", "removeOplog", "setContractSource"];

impl<'a> Flow<'_, '_, 'a, '_> {
    /// Calls that may store functions where no name shows them.
    pub(super) fn calls(&mut self) {
        for node in self.tree.semantic.nodes().iter() {
            let AstKind::CallExpression(call) = node.kind() else { continue };
            let Expression::ComputedMemberExpression(member) = call.callee.get_inner_expression() else { continue };
            self.setters |= matches!(self.key(&member.expression), Key::Any) && self.may_define(&call.arguments);
        }
        self.setters |= self.tree.setters;
    }

    /// Whether a call of a method that may be `__defineSetter__` would define something: its second argument may be a function.
    fn may_define(&self, arguments: &[Argument<'_>]) -> bool {
        arguments.iter().take(2).any(Argument::is_spread)
            || arguments
                .get(1)
                .and_then(Argument::as_expression)
                .is_some_and(|argument| !self.is_no_function(argument, 0))
    }

    /// The followed value itself is called.
    pub(super) fn called(&mut self, call: NodeId, bits: Bits) {
        if bits.has(Bits::GLOBAL) {
            let callee = match self.tree.kind(call) {
                AstKind::CallExpression(call) => &call.callee,
                AstKind::NewExpression(new) => &new.callee,
                _ => return self.finding(call, "a built-in function is called as a tag"),
            };
            if values::built_in(self.tree.semantic, callee).is_none() {
                self.finding(call, "a global function that the scan does not know is called");
            }
        } else if bits.has(Bits::OPAQUE) || bits.has(Bits::CODE) {
            self.finding(call, "a function that the scan does not know is called");
        }
        // Functions of the contract are late code and looked at by themselves; what they return is followed there.
    }

    /// A method of the followed value is called. No name: a computed key.
    pub(super) fn method(&mut self, member: NodeId, call: NodeId, name: Option<&str>, bits: Bits) {
        let AstKind::CallExpression(expression) = self.tree.kind(call) else { return };
        let Some(name) = name else { return self.computed_method(member, call, bits) };
        let own = self.tree.methods.contains_key(name);
        if bits.has(Bits::GLOBAL)
            && values::global_name(self.tree.semantic, member_object(&expression.callee)).is_some()
        {
            match values::built_in(self.tree.semantic, &expression.callee) {
                None => self.finding(call, "a built-in function that the scan does not know is called"),
                Some((_, Use::Returns)) if !matches!(name, "resolve" | "reject") => self.push(call, Bits::unknown()),
                Some((_, Use::Assigns)) if matches!(name, "assign") => {}
                Some(_) => {}
            }
            return;
        }
        if bits.has(Bits::HOST) {
            if names::mutates(name) && name.starts_with("__") {
                self.finding(call, "a method that changes what outlives the call");
            }
            return;
        }
        // `Object.prototype.hasOwnProperty.call(value, key)`
        if name == "call" && self.is_harmless_method(member_object(&expression.callee)) {
            return;
        }
        // A value of the call, or a shared prototype: only arrays have a prototype that its own methods change.
        if bits.has(Bits::CODE) && names::mutates(name) {
            self.finding(call, "a method that may change a shared prototype");
        }
        if bits.has(Bits::COMPUTED) && name.starts_with("__") {
            self.finding(call, "a method that may change a shared prototype");
        }
        // The function may be something that the object holds.
        if self.tree.is_unclear(name) {
            self.called_held(call, bits.content());
        }
        if !bits.has(Bits::LONG) {
            // The container is this call's own; what comes out of it is not.
            self.results(call, name, &expression.arguments, bits);
            return;
        }
        if bits.has(Bits::FUNCTION) && !bits.has(Bits::OPAQUE) {
            let harmless = names::reads(name) || matches!(name, "call" | "apply" | "bind");
            if !(harmless || own) || name.starts_with("__") {
                self.finding(call, "a method that the scan does not know is called");
            }
            if name == "valueOf" {
                self.push(call, bits);
            }
            return;
        }
        if names::mutates(name) && (bits.has(Bits::EXOTIC) || bits.has(Bits::OPAQUE) || !own) {
            return self.finding(call, "a method that changes what outlives the call");
        }
        if bits.has(Bits::MATCHER) && names::depends_on_last_index(name) {
            return self.finding(call, "a regular expression remembers where its last match ended");
        }
        if bits.has(Bits::OPAQUE) && (names::consumes_iterators(name) || names::depends_on_last_index(name)) {
            return self.finding(call, "a method that may advance what outlives the call");
        }
        if !names::reads(name) && (bits.has(Bits::OPAQUE) || !own) {
            return self.finding(call, "a method that the scan does not know is called");
        }
        self.results(call, name, &expression.arguments, bits);
    }

    /// `value[key](...)`.
    fn computed_method(&mut self, member: NodeId, call: NodeId, bits: Bits) {
        let plain = bits.has(Bits::LONG)
            && !bits.has(Bits(Bits::OPAQUE.0 | Bits::EXOTIC.0 | Bits::FUNCTION.0 | Bits::HOST.0 | Bits::GLOBAL.0));
        self.called_held(call, bits.content());
        if !bits.has(Bits(Bits::LONG.0 | Bits::HOST.0)) {
            // What is inherited is seen from the key's side; what comes out is what the object holds.
            let content = bits.content();
            if !content.is_empty() {
                self.push(call, content);
            }
            return;
        }
        let AstKind::CallExpression(expression) = self.tree.kind(call) else { return };
        if !plain || self.may_define(&expression.arguments) {
            self.finding(member, "a method of computed name is called");
        }
    }

    /// Something that a followed object holds is called.
    fn called_held(&mut self, call: NodeId, content: Bits) {
        if content.has(Bits::OPAQUE) || content.has(Bits::CODE) {
            self.finding(call, "a function that the scan does not know is called");
        }
    }

    /// What a method call yields, and what it gives to the functions among its arguments.
    fn results(&mut self, call: NodeId, name: &str, arguments: &'a [Argument<'a>], bits: Bits) {
        let content = bits.content();
        // A promise gives its value, which is followed as if it were the promise.
        let promise = matches!(name, "then" | "catch" | "finally");
        let given = if promise { bits.with(content) } else { content };
        // Texts give parts of themselves; other things are converted first.
        let gives = !given.is_empty() && !names::resets_last_index(name);
        if let Some(places) = names::callback_of(name).filter(|_| gives) {
            if arguments.iter().take(places.end).any(Argument::is_spread) {
                self.finding(call, "a function that the scan does not know gets what outlives the call");
            }
            let callbacks = arguments.iter().take(places.end).skip(places.start);
            for argument in callbacks.filter_map(Argument::as_expression) {
                if let Some(function) = self.tree.function_of_expression(argument) {
                    self.give(function, given, bits);
                } else if !self.is_harmless_callback(argument) {
                    self.finding(call, "a function that the scan does not know gets what outlives the call");
                }
            }
        } else if let Some(first) = arguments.first().and_then(Argument::as_expression)
            && names::callback_of(name).is_none()
            && let Some(function) = self.tree.function_of_expression(first)
            && !given.is_empty()
        {
            self.give(function, given, bits);
        }
        let primitive =
            matches!(name, "toString" | "join" | "indexOf" | "includes" | "has" | "test" | "hasOwnProperty")
                || matches!(
                    name,
                    "forEach" | "some" | "every" | "findIndex" | "startsWith" | "endsWith" | "lastIndexOf"
                );
        if content.is_empty() {
            if name == "valueOf" && !bits.is_empty() {
                self.push(call, bits);
            }
        } else if !primitive {
            self.push(call, content.with(Bits(bits.0 & Bits::OPAQUE.0)).with(bits.holding().deep()));
        }
    }

    /// Gives a function what a built-in method passes on: elements first, the receiver third (fourth for `reduce`).
    fn give(&mut self, function: NodeId, content: Bits, receiver: Bits) {
        let Some(parameters) = self.tree.parameters(function) else { return };
        for (index, parameter) in parameters.items.iter().enumerate() {
            self.bind(&parameter.pattern, if index >= 2 { content.with(receiver) } else { content });
        }
        if let Some(rest) = &parameters.rest {
            self.bind(&rest.rest.argument, content.with(receiver).held());
        }
    }

    /// Callbacks that are no functions of the contract: built-in conversions, and what is no function at all.
    fn is_harmless_callback(&self, argument: &Expression<'_>) -> bool {
        values::built_in(self.tree.semantic, argument).is_some_and(|(_, effect)| effect == Use::Forgets)
            || is_data(argument)
            || argument.is_undefined()
    }

    /// A followed value is an argument.
    pub(super) fn argument(
        &mut self,
        call: NodeId,
        callee: &'a Expression<'a>,
        arguments: &'a [Argument<'a>],
        span: Span,
        bits: Bits,
    ) {
        let Some(index) = arguments.iter().position(|argument| argument.span() == span) else {
            return self.finding(call, "used in a way that the scan does not follow");
        };
        let node = call;
        if let Some((name, effect)) = values::built_in(self.tree.semantic, callee) {
            return self.built_in_argument(call, name, effect, index, arguments, bits);
        }
        let callee = callee.get_inner_expression();
        if let Some(function) = literal_function(callee) {
            return self.pass(node, function, index, arguments, bits);
        }
        match callee {
            Expression::Identifier(identifier) => {
                let Some(symbol) = self.tree.symbol_of(identifier) else {
                    return self.finding(node, "an unknown global function gets what outlives the call");
                };
                if let Some(function) = self.tree.function_of(symbol) {
                    self.pass(node, function, index, arguments, bits);
                } else if let Some(class) = self.tree.class_of(symbol) {
                    match constructor_of(class) {
                        Some(function) => self.pass(node, function, index, arguments, bits),
                        None => self.finding(node, "an inherited constructor gets what outlives the call"),
                    }
                } else if !self.is_host(symbol) {
                    self.pass_to_any(node, index, arguments, bits);
                }
            }
            Expression::StaticMemberExpression(member) => {
                let name = member.property.name.as_str();
                self.method_argument(node, &member.object, name, index, arguments, bits);
            }
            Expression::ComputedMemberExpression(member) => match member.static_property_name() {
                Some(name) => self.method_argument(node, &member.object, name.as_str(), index, arguments, bits),
                None => self.pass_to_any(node, index, arguments, bits),
            },
            _ => self.finding(node, "a function that the scan does not know gets what outlives the call"),
        }
    }

    fn built_in_argument(
        &mut self,
        call: NodeId,
        name: &str,
        effect: Use,
        index: usize,
        arguments: &'a [Argument<'a>],
        bits: Bits,
    ) {
        let spread = arguments.iter().take(index).any(Argument::is_spread);
        if spread && effect != Use::Forgets {
            return self.finding(call, "what outlives the call follows a spread argument");
        }
        if bits.has(Bits::OPAQUE) && names::iterates(name) && index == 0 {
            self.finding(call, "what is iterated may be an iterator that outlives the call");
        }
        let maps = matches!(name, "from" | "groupBy" | "fromAsync");
        match effect {
            // The replacer of `JSON.stringify` is given everything.
            Use::Forgets if name == "stringify" && index == 0 => {
                let replacer = arguments.get(1).map(|replacer| {
                    replacer.as_expression().is_some_and(|replacer| is_data(replacer) || replacer.is_undefined())
                });
                if replacer == Some(false) {
                    self.finding(call, "a function gets what outlives the call");
                }
            }
            // The cause of an error is kept.
            Use::Forgets if names::is_error(name) && index > 0 => self.push(call, bits.held().with(bits.copied())),
            Use::Forgets => {}
            Use::Copies if maps && index == 1 => {
                if !bits.has(Bits::FUNCTION) {
                    self.finding(call, "a function that the scan does not know is called");
                }
            }
            Use::Copies if maps && index > 1 => {
                self.finding(call, "a function gets what outlives the call");
            }
            // The bytes of a typed array may be another's.
            Use::Copies if name.ends_with("Array") && name != "Array" || name == "ArrayBuffer" => {
                let shared = bits.has(Bits::HOLDS) || bits.has(Bits::OPAQUE) || !bits.has(Bits::LONG);
                let made = if shared { bits } else { bits.copied() };
                if !made.is_empty() {
                    self.push(call, made);
                }
            }
            Use::Copies => {
                if bits.has(Bits::GLOBAL) {
                    self.finding(call, "a built-in object is copied");
                }
                let as_element = matches!(name, "create" | "of" | "Array");
                let held = if as_element { bits.held() } else { bits.copied().deep() };
                if maps && !(held.is_empty() && bits.content().is_empty()) {
                    let callback = arguments.get(1).and_then(Argument::as_expression);
                    match callback.map(|callback| (callback, self.tree.function_of_expression(callback))) {
                        Some((_, Some(function))) => self.give(function, bits.content(), bits),
                        Some((callback, None)) if !self.is_harmless_callback(callback) => {
                            self.finding(call, "a function that the scan does not know gets what outlives the call");
                        }
                        _ if arguments.iter().any(Argument::is_spread) => {
                            self.finding(call, "a function that the scan does not know gets what outlives the call");
                        }
                        _ => {}
                    }
                }
                if !held.is_empty() {
                    self.push(call, held);
                }
            }
            // What is rejected comes out of `catch`.
            Use::Returns if name == "reject" => self.finding(call, "what outlives the call is thrown"),
            Use::Returns if name == "get" && index > 1 => {
                self.finding(call, "a function gets what outlives the call");
            }
            Use::Returns if bits.has(Bits::GLOBAL) && name != "Object" => {
                self.finding(call, "a built-in object is used in a way that the scan does not follow");
            }
            Use::Returns if name == "RegExp" && matches!(self.tree.kind(call), AstKind::NewExpression(_)) => {}
            Use::Returns => self.push(call, bits.with(bits.content())),
            Use::Assigns if name == "assign" && index > 0 => {
                let copied = bits.copied();
                if !copied.is_empty() {
                    if self.setters {
                        return self.finding(call, "what outlives the call is stored where a setter may get it");
                    }
                    match arguments.first().and_then(Argument::as_expression).map(Expression::without_parentheses) {
                        Some(Expression::ObjectExpression(_)) => {}
                        Some(target) => self.store(call, target, copied),
                        None => self.finding(call, "used in a way that the scan does not follow"),
                    }
                    self.push(call, copied);
                }
            }
            Use::Assigns if index == 0 => {
                if bits.has(Bits::LONG) || bits.has(Bits::HOST) || bits.has(Bits::COMPUTED) {
                    self.finding(call, "what outlives the call is changed");
                }
                self.push(call, bits);
            }
            Use::Assigns => self.finding(call, "what outlives the call is stored where the scan does not follow"),
        }
    }

    fn method_argument(
        &mut self,
        call: NodeId,
        receiver: &'a Expression<'a>,
        name: &str,
        index: usize,
        arguments: &'a [Argument<'a>],
        bits: Bits,
    ) {
        if let Expression::Identifier(identifier) = receiver.without_parentheses()
            && self.tree.symbol_of(identifier).is_some_and(|s| self.tree.semantic.scoping().symbol_flags(s).is_import())
        {
            return;
        }
        if name == "call" && index == 0 && self.is_harmless_method(receiver) {
            return;
        }
        let own: Vec<NodeId> = self.tree.methods.get(name).cloned().unwrap_or_default();
        // The receiver may have the engine's method of the same name.
        let is_own = !own.is_empty() && !names::inherited_function(name) && !names::is_called_unasked(name);
        for function in own {
            self.pass(call, function, index, arguments, bits);
        }
        if self.tree.is_unclear(name) {
            return self.finding(call, "a method that the scan does not know gets what outlives the call");
        }
        if names::stores(name) {
            // `concat` and the like put it into what they return, the others into the receiver.
            if matches!(name, "concat" | "with" | "toSpliced") {
                self.push(call, bits.held().with(bits.copied()).with(Bits::EXOTIC));
            } else {
                self.store(call, receiver, bits);
            }
        } else if bits.has(Bits::FUNCTION) && names::callback_of(name).is_some_and(|places| places.contains(&index)) {
            // A function of the contract, or a class; found again from its own side.
            if !matches!(literal_or_name(arguments.get(index)), Some(expression)
                if self.tree.function_of_expression(expression).is_some())
            {
                self.finding(call, "a function that the scan does not know is called");
            }
        } else if names::calls_back(name) && (bits.has(Bits::GLOBAL) || names::resets_last_index(name)) {
            let known = arguments.get(index).and_then(Argument::as_expression).is_some_and(|argument| {
                values::built_in(self.tree.semantic, argument).is_some_and(|(_, effect)| effect == Use::Forgets)
            });
            let matcher = index == 0 && names::resets_last_index(name) && !bits.has(Bits::OPAQUE);
            if !(known || matcher) {
                self.finding(call, "a function that the scan does not know is called");
            }
        } else if matches!(name, "reduce" | "reduceRight") && index == 1 {
            self.finding(call, "what outlives the call is the start of a reduction");
        } else if names::keeps_nothing(name) && !bits.has(Bits::OPAQUE) || HOST_METHODS.contains(&name) && !is_own {
            // looked at, or copied by the host
        } else if names::keeps_nothing(name) && !names::resets_last_index(name) {
            // an unknown object that is compared or looked up
        } else if !is_own {
            self.finding(call, "a method that the scan does not know gets what outlives the call");
        }
    }

    /// Passes an argument to a function of the contract.
    pub(super) fn pass(
        &mut self,
        call: NodeId,
        function: NodeId,
        index: usize,
        arguments: &[Argument<'_>],
        bits: Bits,
    ) {
        if arguments.iter().take(index).any(Argument::is_spread) {
            return self.finding(call, "what outlives the call follows a spread argument");
        }
        let Some(parameters) = self.tree.parameters(function) else {
            return self.finding(call, "used in a way that the scan does not follow");
        };
        if let Some(parameter) = parameters.items.get(index) {
            self.bind(&parameter.pattern, bits);
        } else if let Some(rest) = &parameters.rest {
            self.bind(&rest.rest.argument, bits.held());
        }
    }

    /// Passes an argument to a function that comes out of a variable. Functions of the engine are followed (or made from followed
    /// ones), so it is a function of the contract that is used as a value; or, where there are promises, one that keeps
    /// its argument.
    fn pass_to_any(&mut self, call: NodeId, index: usize, arguments: &[Argument<'_>], bits: Bits) {
        // The function may be `Object`, found under a computed name: it returns its argument.
        self.push(call, bits);
        if self.tree.binds {
            return self.finding(call, "a function that may have been bound gets what outlives the call");
        }
        if self.tree.resolvers {
            return self.finding(call, "a function that the scan does not know gets what outlives the call");
        }
        let given = self.given.entry(index).or_default();
        let all = given.with(bits);
        if all == *given {
            return;
        }
        *given = all;
        let functions = self.values.take().unwrap_or_else(|| self.functions_used_as_values());
        for function in &functions {
            self.pass(call, *function, index, arguments, all);
        }
        self.values = Some(functions);
    }

    /// Functions that something other than a call by name, or the host, may call.
    fn functions_used_as_values(&self) -> Vec<NodeId> {
        let scoping = self.tree.semantic.scoping();
        let mut all = Vec::new();
        for node in self.tree.semantic.nodes().iter() {
            let (AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)) = node.kind() else { continue };
            let symbol = match (node.kind(), self.tree.kind(self.tree.parent(node.id()))) {
                (AstKind::Function(function), _) if function.r#type == FunctionType::FunctionDeclaration => {
                    function.id.as_ref().and_then(|id| id.symbol_id.get())
                }
                (_, AstKind::VariableDeclarator(declarator)) => {
                    declarator.id.get_binding_identifier().and_then(|id| id.symbol_id.get())
                }
                _ => None,
            };
            let by_name_only = symbol.is_some_and(|symbol| {
                self.tree.function_of(symbol) == Some(node.id())
                    && scoping.get_resolved_references(symbol).all(|reference| {
                        self.is_callee(reference.node_id())
                            || matches!(
                                self.tree.kind(self.tree.parent(reference.node_id())),
                                AstKind::ExportSpecifier(_)
                            )
                    })
            });
            if !by_name_only && !self.is_entry(node.id()) {
                all.push(node.id());
            }
        }
        all
    }

    /// Whether an expression is a built-in method, as in `{}.hasOwnProperty`, that only looks at `this` and its arguments.
    fn is_harmless_method(&self, method: &Expression<'_>) -> bool {
        method.get_inner_expression().get_member_expr().and_then(|method| method.static_property_name()).is_some_and(
            |name| {
                matches!(name, "hasOwnProperty" | "propertyIsEnumerable" | "toString" | "isPrototypeOf")
                    && !self.tree.methods.contains_key(name)
                    && !self.tree.is_unclear(name)
            },
        )
    }
}

fn member_object<'e>(callee: &'e Expression<'e>) -> &'e Expression<'e> {
    match callee.get_inner_expression().get_member_expr() {
        Some(member) => member.object(),
        None => callee,
    }
}

fn literal_or_name<'e>(argument: Option<&'e Argument<'e>>) -> Option<&'e Expression<'e>> {
    argument.and_then(Argument::as_expression)
}

fn constructor_of(class: &Class<'_>) -> Option<NodeId> {
    class.body.body.iter().find_map(|element| match element {
        ClassElement::MethodDefinition(method) if method.kind == MethodDefinitionKind::Constructor => {
            Some(method.value.node_id.get())
        }
        _ => None,
    })
}
