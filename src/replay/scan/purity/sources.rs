//! Where late code gets hold of what outlives the call (the list is in the module's header).

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::NodeId;

use super::keys::Key;
use super::tree::key_name;
use super::values::{self, Bits};
use super::{Flow, names};

impl<'a> Flow<'_, '_, 'a, '_> {
    /// Sources: bindings that live as long as the module, or as a closure made during its evaluation.
    pub(super) fn bindings(&mut self) {
        let scoping = self.tree.semantic.scoping();
        for symbol in scoping.symbol_ids() {
            let home = self.tree.home(symbol);
            if home.is_some_and(|home| !self.evaluated.has(home)) {
                continue;
            }
            let mut bits = None;
            for reference in scoping.get_resolved_references(symbol) {
                let node = reference.node_id();
                let place = self.tree.enclosing(node);
                if place.is_none() || place == home {
                    continue;
                }
                if reference.is_write() {
                    self.finding(node, "a function assigns a variable that outlives the call");
                }
                if reference.is_read() {
                    let bits = *bits.get_or_insert_with(|| {
                        let bits = values::of_symbol(self.tree.semantic, symbol, 0);
                        // The function around it may have put more into it than its initialiser did.
                        let fixed = bits.is_empty() || bits.has(Bits::FUNCTION) || home.is_none();
                        if fixed { bits } else { bits.with(Bits::unknown()) }
                    });
                    if !bits.is_empty() {
                        self.push(node, bits);
                    }
                }
            }
        }
    }

    /// Sources: globals.
    pub(super) fn globals(&mut self) {
        let scoping = self.tree.semantic.scoping();
        for ids in scoping.root_unresolved_references_ids() {
            for id in ids {
                let reference = scoping.get_reference(id);
                let node = reference.node_id();
                let AstKind::IdentifierReference(identifier) = self.tree.kind(node) else { continue };
                let late = self.tree.enclosing(node).is_some();
                // These call functions of the contract in late code, and give them what outlives the call.
                if !late && matches!(identifier.name.as_str(), "Proxy" | "FinalizationRegistry") {
                    self.finding(node, "functions that are called behind the scenes");
                }
                if names::is_primitive_global(&identifier.name) || !late && identifier.name == "Intl" {
                    continue;
                }
                if reference.is_write() {
                    self.finding(node, "a global variable is assigned");
                }
                let own_arguments = identifier.name == "arguments";
                self.push(
                    node,
                    if own_arguments { Bits::HOLDS.with(Bits::OPAQUE) } else { Bits::unknown().with(Bits::GLOBAL) },
                );
            }
        }
    }

    /// Sources: `this`, `super`, meta properties, and what objects inherit.
    pub(super) fn expressions(&mut self) {
        for node in self.tree.semantic.nodes().iter() {
            let id = node.id();
            let late = self.tree.enclosing(id).is_some();
            match node.kind() {
                AstKind::ThisExpression(_) if late => {
                    let bits = self.receiver(id);
                    if !bits.is_empty() {
                        self.push(id, bits);
                    }
                }
                AstKind::Super(_) if late && !self.is_callee(id) => {
                    // Writing through `super` writes to `this`; what is read belongs to a shared prototype.
                    let bits = self.receiver(id);
                    self.push(id, Bits::HOLDS.with(bits));
                }
                AstKind::ImportMeta(_) | AstKind::NewTarget(_) if late => self.push(id, Bits::unknown()),
                // One array of texts for all calls of the tag at this place.
                AstKind::TaggedTemplateExpression(tagged)
                    if late && values::built_in(self.tree.semantic, &tagged.tag).is_none() =>
                {
                    let texts = Bits::LONG.with(Bits::HOLDS).with(Bits::EXOTIC);
                    match self.tree.function_of_expression(&tagged.tag) {
                        Some(function) => self.pass(id, function, 0, &[], texts),
                        None => self.finding(id, "a function that the scan does not know is called as a tag"),
                    }
                }
                AstKind::PrivateFieldExpression(member)
                    if self.tree.is_shared_function(&member.field.name) && !self.is_callee(id) =>
                {
                    self.push(id, Bits::LONG.with(Bits::FUNCTION));
                }
                AstKind::StaticMemberExpression(member) => self.inherited(id, Some(member.property.name.as_str())),
                AstKind::ComputedMemberExpression(member) => match self.key(&member.expression) {
                    Key::Harmless => {}
                    Key::Named(name) => self.inherited(id, Some(name)),
                    Key::Any => self.inherited(id, None),
                },
                AstKind::BindingProperty(property) if late || !self.is_of_host(id) => {
                    let bits = self.inherited_property(&property.key);
                    if !bits.is_empty() {
                        self.bind(&property.value, bits);
                    }
                }
                AstKind::AssignmentTargetPropertyProperty(property)
                    if !self.inherited_property(&property.name).is_empty() =>
                {
                    self.finding(id, "an inherited property is assigned");
                }
                AstKind::AssignmentTargetPropertyIdentifier(property) => {
                    let bits = self.inherited_name(property.binding.name.as_str());
                    if !bits.is_empty() {
                        self.finding(id, "an inherited property is assigned");
                    }
                }
                _ => {}
            }
        }
    }

    /// Follows a property read that may yield something shared by all objects. No name: the key is computed.
    fn inherited(&mut self, member: NodeId, name: Option<&str>) {
        let callee = self.is_callee(member);
        match name {
            Some(name) if names::is_legacy_regexp_state(name) => {
                self.finding(member, "the state of the last match is kept in the realm");
            }
            Some("prototype") if self.is_plain_patch(member) => {}
            Some(name) if names::reaches_shared(name) => self.push(member, Bits::unknown()),
            Some(name) if names::inherited_function(name) && !callee => {
                let shared = self.inherited_name(name);
                self.push(member, shared);
            }
            Some(name) if self.tree.is_shared_function(name) && !callee && !self.is_written_to(member) => {
                self.push(member, Bits::LONG.with(Bits::FUNCTION));
            }
            None if !self.is_written_to(member) => {
                let plain = match self.tree.kind(member) {
                    AstKind::ComputedMemberExpression(member) => self.is_plain(&member.object),
                    _ => false,
                };
                self.push(member, if plain { Bits::COMPUTED } else { Bits::COMPUTED.with(Bits::CODE) });
            }
            _ => {}
        }
    }

    /// Whether the module puts a function into a prototype, under a name of its own: `C.prototype.name = function () {}`.
    pub(super) fn is_plain_patch(&self, prototype: NodeId) -> bool {
        self.tree.enclosing(prototype).is_none()
            && self.tree.patch(prototype).is_some_and(|name| {
                !names::inherited_function(name) && !names::is_called_unasked(name) && !names::reaches_shared(name)
            })
    }

    /// Whether an expression names a binding that always holds one object literal, whose prototype is `Object.prototype`.
    fn is_plain(&self, object: &Expression<'_>) -> bool {
        let Expression::Identifier(identifier) = object.without_parentheses() else { return false };
        let Some(symbol) = self.tree.symbol_of(identifier).filter(|symbol| !self.tree.is_written(*symbol)) else {
            return false;
        };
        match self.tree.semantic.symbol_declaration(symbol).kind() {
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                match declarator.init.as_ref().map(Expression::without_parentheses) {
                    Some(Expression::ObjectExpression(object)) => {
                        object.properties.iter().all(|property| match property {
                            ObjectPropertyKind::ObjectProperty(property) => {
                                key_name(&property.key) != Some("__proto__")
                            }
                            ObjectPropertyKind::SpreadProperty(_) => true,
                        })
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Whether the module takes a property out of an import: `const { get } = index`.
    fn is_of_host(&self, property: NodeId) -> bool {
        match self.tree.kind(self.tree.parent(self.tree.parent(property))) {
            AstKind::VariableDeclarator(declarator) => declarator
                .init
                .as_ref()
                .is_some_and(|init| values::of_expression(self.tree.semantic, init, 0) == Bits::HOST.with(Bits::LONG)),
            _ => false,
        }
    }

    fn inherited_property(&self, key: &PropertyKey<'_>) -> Bits {
        let name = match key {
            PropertyKey::StaticIdentifier(name) => name.name.as_str(),
            PropertyKey::PrivateIdentifier(_) => return Bits::default(),
            key => match key.as_expression().map(|key| self.key(key)) {
                Some(Key::Harmless) => return Bits::default(),
                Some(Key::Named(name)) => name,
                _ => return Bits::COMPUTED.with(Bits::CODE),
            },
        };
        self.inherited_name(name)
    }

    /// What objects that are nothing special may have under a name.
    fn inherited_name(&self, name: &str) -> Bits {
        let own = if self.tree.is_shared_function(name) { Bits::LONG.with(Bits::FUNCTION) } else { Bits::default() };
        if names::reaches_shared(name) || names::is_legacy_regexp_state(name) {
            Bits::unknown()
        } else if names::inherited_function(name) {
            Bits::COMPUTED.with(Bits::CODE).with(own)
        } else {
            own
        }
    }

    /// What `this` (or `super`) may be at a node.
    fn receiver(&mut self, node: NodeId) -> Bits {
        let mut owner = self.tree.enclosing(node);
        while let Some(AstKind::ArrowFunctionExpression(_)) = owner.map(|owner| self.tree.kind(owner)) {
            owner = owner.and_then(|owner| self.tree.enclosing(owner));
        }
        let Some(owner) = owner else { return Bits::unknown() };
        // The nearest class element between the node and its owner decides first: static blocks and fields.
        for ancestor in self.tree.semantic.nodes().ancestor_ids(node) {
            match self.tree.kind(ancestor) {
                AstKind::StaticBlock(_) => return Bits::unknown(),
                AstKind::PropertyDefinition(field) if field.r#static => return Bits::unknown(),
                _ if ancestor == owner => break,
                _ => {}
            }
        }
        if !matches!(self.tree.kind(owner), AstKind::Function(_)) {
            return self.instance(owner, None); // an instance field
        }
        let holder = self.tree.parent(owner);
        let outer = self.tree.enclosing(holder);
        let long_lived = outer.is_none_or(|outer| self.evaluated.has(outer));
        match self.tree.kind(holder) {
            AstKind::MethodDefinition(method) if method.r#static => Bits::unknown(),
            AstKind::MethodDefinition(method) if method.kind == MethodDefinitionKind::Constructor => {
                self.instance(holder, None)
            }
            AstKind::MethodDefinition(method) => {
                let name = if method.kind.is_accessor() { None } else { key_name(&method.key) };
                let borrowed = self.tree.is_borrowed(name) && (name.is_some() || self.tree.is_borrowed(Some("")));
                self.instance(holder, borrowed.then_some(node))
            }
            AstKind::ObjectProperty(_) if !long_lived => self.any_holder(node),
            // The literal of a binding; any other literal may be anywhere by now.
            AstKind::ObjectProperty(_) => {
                let held = self.any_holder(node);
                let literal = self.tree.parent(holder);
                match self.tree.kind(self.tree.parent(literal)) {
                    AstKind::VariableDeclarator(declarator) => declarator
                        .id
                        .get_binding_identifier()
                        .and_then(|id| id.symbol_id.get())
                        .map_or(Bits::unknown(), |symbol| values::of_symbol(self.tree.semantic, symbol, 0))
                        .with(Bits::LONG.with(Bits::HOLDS))
                        .with(held),
                    _ => Bits::unknown(),
                }
            }
            _ => Bits::unknown(),
        }
    }

    /// `this` where it is an instance of the class around an element; if `borrower`, or any other object.
    fn instance(&mut self, element: NodeId, borrower: Option<NodeId>) -> Bits {
        match self.class_around(element) {
            Some(class) if !self.evaluated.instantiates(self.tree, class, 0) => {
                borrower.map_or(Bits::default(), |node| self.any_holder(node))
            }
            _ => Bits::unknown(),
        }
    }

    /// `this` where it may be any object of the running call: it holds what some object holds.
    fn any_holder(&mut self, node: NodeId) -> Bits {
        self.receivers.push(node);
        self.held
    }

    fn class_around(&self, element: NodeId) -> Option<&'a Class<'a>> {
        let body = self.tree.parent(element);
        match self.tree.kind(self.tree.parent(body)) {
            AstKind::Class(class) => Some(class),
            _ => None,
        }
    }
}
