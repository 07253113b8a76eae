//! What a module-level binding holds, read off its initialiser.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::Semantic;
use oxc_span::GetSpan;
use oxc_syntax::symbol::SymbolId;

use super::names::{self, Use};

/// What is known of a value; a set of flags. No flag: a primitive, or an object that only the running call knows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bits(pub u16);

impl Bits {
    /// Outlives the call: to change it is a finding.
    pub const LONG: Self = Self(1);
    /// What it holds may outlive the call.
    pub const HOLDS: Self = Self(2);
    /// Of unknown kind: calling or iterating it may change hidden state.
    pub const OPAQUE: Self = Self(4);
    /// A function or class of the contract.
    pub const FUNCTION: Self = Self(8);
    /// An import: functions that copy what they are given and return fresh objects.
    pub const HOST: Self = Self(16);
    /// An array, map, set, date, regular expression: has methods that change it.
    pub const EXOTIC: Self = Self(32);
    /// A built-in global.
    pub const GLOBAL: Self = Self(64);
    /// A regular expression with flag g.
    pub const MATCHER: Self = Self(128);
    /// Found under a computed name, or that of an inherited function: a value of the call, or one that all objects share.
    /// Under a plain object: `Object`, `Object.prototype`, or a function in it.
    pub const COMPUTED: Self = Self(256);
    /// With [`Self::COMPUTED`]: found under anything else, so it may be `Function`, or the prototype of arrays.
    pub const CODE: Self = Self(512);
    /// Holds such values.
    const HOLDS_COMPUTED: Self = Self(1024);
    const HOLDS_CODE: Self = Self(2048);
    /// Holds containers that hold such values.
    const DEEP: Self = Self(4096);
    /// What a container and its content share.
    const KIND: u16 = Self::OPAQUE.0 | Self::EXOTIC.0 | Self::MATCHER.0;
    /// What is known of values found under computed names in a container.
    const COMPUTED_WITHIN: u16 = Self::HOLDS_COMPUTED.0 | Self::HOLDS_CODE.0 | Self::DEEP.0;

    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }
    pub const fn with(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }
    const fn only(self, mask: u16) -> Self {
        Self(self.0 & mask)
    }
    /// A value of which nothing is known but that it may outlive the call.
    pub const fn unknown() -> Self {
        Self::LONG.with(Self::HOLDS).with(Self::OPAQUE)
    }
    /// What of it an object has that holds something long-lived, the object itself being the call's own.
    pub const fn holding(self) -> Self {
        if self.has(Self(Self::HOLDS.0 | Self::COMPUTED_WITHIN)) {
            self.only(Self::HOLDS.0 | Self::COMPUTED_WITHIN | Self::KIND)
        } else {
            Self(0)
        }
    }
    /// Whether it may be an object that every realm has.
    pub const fn may_be_built_in(self) -> bool {
        self.has(Self(Self::GLOBAL.0 | Self::OPAQUE.0 | Self::COMPUTED.0 | Self::CODE.0 | Self::COMPUTED_WITHIN))
    }
    /// Whether it may be `RegExp`, which keeps the last match.
    pub const fn may_be_regexp(self) -> bool {
        self.has(Self(Self::GLOBAL.0 | Self::OPAQUE.0 | Self::FUNCTION.0 | Self::CODE.0))
    }
    /// What reading a property or an element yields.
    pub const fn content(self) -> Self {
        if self.has(Self::GLOBAL) || self.has(Self::FUNCTION) {
            return Self::unknown();
        }
        let mut content = if self.has(Self::HOST) { Self::HOST } else { Self(0) };
        if self.has(Self::HOLDS) {
            content = content.with(self.only(Self::KIND)).with(Self::LONG).with(Self::HOLDS);
        }
        if self.has(Self::HOLDS_COMPUTED) {
            content = content.with(Self::COMPUTED);
        }
        if self.has(Self::HOLDS_CODE) {
            content = content.with(Self::COMPUTED).with(Self::CODE);
        }
        if self.has(Self::DEEP) {
            content = content.with(self.only(Self::COMPUTED_WITHIN));
        }
        content
    }
    /// What a new container that holds the value is.
    pub const fn held(self) -> Self {
        let mut container = self.only(Self::COMPUTED_WITHIN).deep();
        if self.has(Self(Self::LONG.0 | Self::HOLDS.0 | Self::HOST.0 | Self::FUNCTION.0 | Self::GLOBAL.0)) {
            container = container.with(self.only(Self::KIND)).with(Self::HOLDS);
        }
        if self.has(Self::CODE) {
            container = container.with(Self::HOLDS_CODE);
        } else if self.has(Self::COMPUTED) {
            container = container.with(Self::HOLDS_COMPUTED);
        }
        container
    }
    /// What a shallow copy is.
    pub const fn copied(self) -> Self {
        if self.has(Self(Self::GLOBAL.0 | Self::FUNCTION.0 | Self::HOST.0)) {
            Self::HOLDS.with(Self::OPAQUE)
        } else if self.has(Self::HOLDS) {
            self.only(Self::KIND | Self::HOLDS.0 | Self::COMPUTED_WITHIN)
        } else {
            self.only(Self::COMPUTED_WITHIN)
        }
    }
    /// The same, where what it holds may be in containers of their own, as pairs are.
    pub const fn deep(self) -> Self {
        if self.has(Self(Self::COMPUTED_WITHIN)) { self.with(Self::DEEP) } else { self }
    }
}

/// How many bindings an initialiser is followed through.
const MAX_DEPTH: usize = 16;

/// What a binding that lives as long as the module holds.
pub fn of_symbol(semantic: &Semantic<'_>, symbol: SymbolId, depth: usize) -> Bits {
    if depth > MAX_DEPTH {
        return Bits::unknown();
    }
    let scoping = semantic.scoping();
    let written = scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty();
    match semantic.symbol_declaration(symbol).kind() {
        AstKind::ImportSpecifier(_) | AstKind::ImportDefaultSpecifier(_) | AstKind::ImportNamespaceSpecifier(_) => {
            Bits::HOST.with(Bits::LONG)
        }
        AstKind::Function(_) | AstKind::Class(_) if !written => Bits::FUNCTION.with(Bits::LONG),
        AstKind::VariableDeclarator(declarator) if !written && declarator.id.is_binding_identifier() => {
            // The variable of a `for (const x of ...)` has no initialiser of its own.
            let Some(init) = &declarator.init else { return Bits::unknown() };
            let bits = of_expression(semantic, init, depth.saturating_add(1));
            if bits.is_empty() || bits.has(Bits::FUNCTION) || !is_changed_later(semantic, symbol, bits) {
                bits
            } else {
                bits.with(Bits::unknown())
            }
        }
        AstKind::VariableDeclarator(declarator) if !written => match &declarator.init {
            // `const { get } = index`
            Some(init) if of_expression(semantic, init, depth.saturating_add(1)).has(Bits::HOST) => {
                Bits::HOST.with(Bits::LONG)
            }
            _ => Bits::unknown(),
        },
        _ => Bits::unknown(),
    }
}

/// Whether code outside functions may put more into the object of a binding than its initialiser did.
fn is_changed_later(semantic: &Semantic<'_>, symbol: SymbolId, bits: Bits) -> bool {
    let nodes = semantic.nodes();
    let flat = !bits.has(Bits::HOLDS);
    semantic.scoping().get_resolved_references(symbol).any(|reference| {
        let node = reference.node_id();
        let inside = nodes
            .ancestor_kinds(node)
            .any(|kind| matches!(kind, AstKind::Function(_) | AstKind::ArrowFunctionExpression(_)));
        if inside {
            return false; // late code: its writes are findings of their own
        }
        let user = nodes.parent_id(node);
        let next = nodes.parent_kind(user);
        match nodes.kind(user) {
            AstKind::ExportSpecifier(_) | AstKind::BinaryExpression(_) => false,
            AstKind::TemplateLiteral(_) | AstKind::UnaryExpression(_) => false,
            // What it holds may be changed through what is made of it.
            AstKind::SpreadElement(_) | AstKind::ForOfStatement(_) => !flat,
            AstKind::CallExpression(call) => !built_in(semantic, &call.callee).is_some_and(|(name, effect)| {
                name == "freeze" && matches!(next, AstKind::ExpressionStatement(_))
                    || effect == Use::Forgets
                    || effect == Use::Copies && flat
            }),
            AstKind::NewExpression(new) => !built_in(semantic, &new.callee)
                .is_some_and(|(_, effect)| effect == Use::Forgets || effect == Use::Copies && flat),
            AstKind::StaticMemberExpression(member) => match next {
                AstKind::CallExpression(call) if call.callee.span() == member.span => {
                    let name = member.property.name.as_str();
                    !names::reads(name) || !flat && !names::keeps_nothing(name)
                }
                AstKind::BinaryExpression(_) | AstKind::TemplateLiteral(_) => false,
                AstKind::VariableDeclarator(_) | AstKind::ObjectProperty(_) | AstKind::SpreadElement(_) => !flat,
                _ => true,
            },
            _ => true,
        }
    })
}

/// What an expression that runs while the module is evaluated makes.
pub fn of_expression(semantic: &Semantic<'_>, expression: &Expression<'_>, depth: usize) -> Bits {
    if depth > MAX_DEPTH {
        return Bits::unknown();
    }
    let next = depth.saturating_add(1);
    let own = Bits::LONG.with(Bits::EXOTIC);
    match expression {
        Expression::BooleanLiteral(_)
        | Expression::NullLiteral(_)
        | Expression::NumericLiteral(_)
        | Expression::BigIntLiteral(_)
        | Expression::StringLiteral(_)
        | Expression::TemplateLiteral(_)
        | Expression::UnaryExpression(_)
        | Expression::UpdateExpression(_)
        | Expression::BinaryExpression(_)
        | Expression::PrivateInExpression(_) => Bits::default(),
        Expression::ParenthesizedExpression(inner) => of_expression(semantic, &inner.expression, next),
        Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) | Expression::ClassExpression(_) => {
            Bits::FUNCTION.with(Bits::LONG)
        }
        Expression::RegExpLiteral(literal) => {
            let flags = literal.regex.flags;
            if flags.contains(RegExpFlags::Y) {
                Bits::unknown().with(Bits::EXOTIC).with(Bits::MATCHER)
            } else if flags.contains(RegExpFlags::G) {
                own.with(Bits::MATCHER)
            } else {
                own
            }
        }
        Expression::ObjectExpression(object) => {
            let mut bits = Bits::LONG;
            for property in &object.properties {
                bits = bits.with(match property {
                    ObjectPropertyKind::SpreadProperty(spread) => {
                        of_expression(semantic, &spread.argument, next).copied()
                    }
                    ObjectPropertyKind::ObjectProperty(property) if property.kind != PropertyKind::Init => {
                        Bits::HOLDS.with(Bits::OPAQUE)
                    }
                    ObjectPropertyKind::ObjectProperty(property) => {
                        of_expression(semantic, &property.value, next).held()
                    }
                });
            }
            bits
        }
        Expression::ArrayExpression(array) => own.with(elements(semantic, array, next)),
        Expression::ConditionalExpression(choice) => {
            of_expression(semantic, &choice.consequent, next).with(of_expression(semantic, &choice.alternate, next))
        }
        Expression::LogicalExpression(choice) => {
            of_expression(semantic, &choice.left, next).with(of_expression(semantic, &choice.right, next))
        }
        Expression::Identifier(identifier) => match symbol_of(semantic, identifier) {
            Some(symbol) => of_symbol(semantic, symbol, next),
            None if names::is_primitive_global(&identifier.name) => Bits::default(),
            None => Bits::unknown().with(Bits::GLOBAL),
        },
        Expression::StaticMemberExpression(member) => {
            if let Some(object) = global_name(semantic, &member.object)
                && names::is_constant(object, &member.property.name)
            {
                return Bits::default();
            }
            let object = of_expression(semantic, &member.object, next);
            let inherited =
                names::reaches_shared(&member.property.name) || names::inherited_function(&member.property.name);
            if inherited { Bits::unknown() } else { object.content() }
        }
        Expression::NewExpression(new) => {
            match global_name(semantic, &new.callee) {
                Some("Map" | "Set" | "WeakMap" | "WeakSet") => match new.arguments.first().map(|a| a.as_expression()) {
                    None => own,
                    Some(Some(argument)) => match argument.without_parentheses() {
                        Expression::ArrayExpression(array) if global_name(semantic, &new.callee) == Some("Set") => {
                            own.with(elements(semantic, array, next))
                        }
                        // The pairs are gone; what they held is held.
                        Expression::ArrayExpression(array) => array.elements.iter().fold(own, |bits, pair| {
                            bits.with(match pair.as_expression().map(Expression::without_parentheses) {
                                Some(Expression::ArrayExpression(pair)) => elements(semantic, pair, next),
                                _ => Bits::HOLDS.with(Bits::OPAQUE),
                            })
                        }),
                        argument => own.with(of_expression(semantic, argument, next).copied()),
                    },
                    Some(None) => Bits::unknown(),
                },
                Some(name) if name.ends_with("Array") && names::built_in_function(name).is_some() => {
                    if name == "Array" { own.with(Bits::HOLDS).with(Bits::OPAQUE) } else { own.with(Bits::HOLDS) }
                }
                Some("Date") => own,
                _ => Bits::unknown(),
            }
        }
        Expression::CallExpression(call) => of_call(semantic, call, next),
        _ => Bits::unknown(),
    }
}

fn of_call(semantic: &Semantic<'_>, call: &CallExpression<'_>, depth: usize) -> Bits {
    let argument = |index: usize| {
        call.arguments.get(index).map_or(Bits::default(), |argument| {
            argument.as_expression().map_or(Bits::unknown(), |argument| of_expression(semantic, argument, depth))
        })
    };
    if let Some(name) = global_name(semantic, &call.callee) {
        return match name {
            "String" | "Number" | "Boolean" | "BigInt" | "Symbol" | "parseInt" | "parseFloat" => Bits::default(),
            _ => Bits::unknown(),
        };
    }
    let Expression::StaticMemberExpression(member) = &call.callee else { return Bits::unknown() };
    let name = member.property.name.as_str();
    match (global_name(semantic, &member.object), name) {
        (Some("Math" | "Number" | "String" | "BigInt" | "Symbol"), _) => Bits::default(),
        (Some("JSON"), "stringify") | (Some("Date"), "UTC") => Bits::default(),
        // Writing to a frozen object throws or does nothing; what it holds is not frozen.
        (Some("Object"), "freeze") => argument(0),
        (Some("Object"), "keys" | "getOwnPropertyNames") => Bits::LONG.with(Bits::EXOTIC),
        (Some("Object"), "values" | "entries" | "fromEntries") => {
            Bits::LONG.with(Bits::EXOTIC).with(Bits::HOLDS).with(argument(0).copied())
        }
        (Some("Array"), "of") => Bits::LONG.with(Bits::EXOTIC).with(argument(0).held()),
        (
            None,
            "split" | "slice" | "concat" | "filter" | "sort" | "reverse" | "trim" | "repeat" | "toUpperCase"
            | "toLowerCase",
        ) => match of_expression(semantic, &member.object, depth) {
            bits if bits.is_empty() && name == "split" => Bits::LONG.with(Bits::EXOTIC),
            bits if bits.is_empty() => bits,
            bits if bits.has(Bits::EXOTIC) && !bits.has(Bits::OPAQUE) && name != "concat" => bits,
            _ => Bits::unknown(),
        },
        _ => Bits::unknown(),
    }
}

fn elements(semantic: &Semantic<'_>, array: &ArrayExpression<'_>, depth: usize) -> Bits {
    array.elements.iter().fold(Bits::default(), |bits, element| {
        bits.with(match element {
            ArrayExpressionElement::Elision(_) => Bits::default(),
            ArrayExpressionElement::SpreadElement(spread) => of_expression(semantic, &spread.argument, depth).copied(),
            element => element.as_expression().map_or(Bits::unknown(), |e| of_expression(semantic, e, depth).held()),
        })
    })
}

/// The binding that an identifier refers to; None for globals.
pub fn symbol_of(semantic: &Semantic<'_>, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
    identifier.reference_id.get().and_then(|id| semantic.scoping().get_reference(id).symbol_id())
}

/// The name of a global, if the expression is one.
pub fn global_name<'e>(semantic: &Semantic<'_>, expression: &'e Expression<'_>) -> Option<&'e str> {
    match expression.without_parentheses() {
        Expression::Identifier(identifier) if symbol_of(semantic, identifier).is_none() => {
            Some(identifier.name.as_str())
        }
        _ => None,
    }
}

/// The name of a global that every realm has, if the expression is one.
pub fn built_in_name<'e>(semantic: &Semantic<'_>, expression: &'e Expression<'_>) -> Option<&'e str> {
    global_name(semantic, expression).filter(|name| names::built_in_function(name).is_some())
}

/// What a built-in function does with its arguments; None when the callee is no known built-in function.
pub fn built_in<'e>(semantic: &Semantic<'_>, callee: &'e Expression<'_>) -> Option<(&'e str, Use)> {
    if let Some(name) = global_name(semantic, callee) {
        return names::built_in_function(name).map(|effect| (name, effect));
    }
    match callee.without_parentheses() {
        Expression::StaticMemberExpression(member) => {
            let object = global_name(semantic, &member.object)?;
            let name = member.property.name.as_str();
            names::built_in_method(object, name).map(|effect| (name, effect))
        }
        _ => None,
    }
}
