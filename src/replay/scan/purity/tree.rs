//! The syntax tree, with what the analysis looks up again and again.

use std::collections::{HashMap, HashSet};

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::{NodeId, Semantic};
use oxc_span::GetSpan;
use oxc_syntax::symbol::SymbolId;

use super::{names, values};

/// The syntax tree with what the analysis looks up again and again.
pub struct Tree<'t, 'a> {
    pub semantic: &'t Semantic<'a>,
    /// The function (or instance field) around each node that has one.
    enclosing: HashMap<NodeId, NodeId>,
    /// Functions by the static property name under which the source puts them into an object or class.
    pub methods: HashMap<&'a str, Vec<NodeId>>,
    /// Static property names whose values may be functions that the tree does not show at that place.
    unclear: HashSet<&'a str>,
    /// Whether a function is put under a computed name.
    hidden: bool,
    /// Whether functions of the contract may be given functions of the engine that keep their argument: `new Promise`, `then`.
    pub resolvers: bool,
    /// Whether storing a property may run a function of the contract.
    pub setters: bool,
    /// Whether `bind` may put other arguments before those of a call.
    pub binds: bool,
    /// Whether `instanceof` may run a function of the contract.
    pub instances: bool,
    /// Whether a property is set to itself under a computed name: the same, where no key converts itself to text.
    moves: bool,
    /// Whether objects are made from pairs of names and values, and whether such a value may be a function.
    entries: bool,
    pairs: bool,
    /// Whether there may be promises that give what they get to functions of the contract.
    pub promises: bool,
    /// Whether objects that a class did not make may have its methods.
    borrows: bool,
    /// Whether built-in functions may look up methods in objects of the contract: descriptors, subclasses, sets.
    looks_up: bool,
    /// Names of properties that are read without being called.
    read: HashSet<&'a str>,
    /// Names of methods of classes, and of functions that the module puts into prototypes: one function for all objects.
    shared: HashSet<&'a str>,
}

impl<'t, 'a> Tree<'t, 'a> {
    pub fn new(semantic: &'t Semantic<'a>) -> Self {
        let mut tree = Self {
            semantic,
            enclosing: HashMap::new(),
            methods: HashMap::new(),
            unclear: HashSet::new(),
            hidden: false,
            resolvers: false,
            setters: false,
            binds: false,
            instances: false,
            moves: false,
            entries: false,
            promises: false,
            pairs: false,
            borrows: false,
            looks_up: false,
            read: HashSet::new(),
            shared: HashSet::new(),
        };
        for node in semantic.nodes().iter() {
            let parent = semantic.nodes().parent_id(node.id());
            if parent == node.id() {
                continue;
            }
            let around = match semantic.nodes().kind(parent) {
                AstKind::Function(_) | AstKind::ArrowFunctionExpression(_) => Some(parent),
                AstKind::PropertyDefinition(field) if !field.r#static => Some(parent),
                AstKind::AccessorProperty(field) if !field.r#static => Some(parent),
                _ => tree.enclosing.get(&parent).copied(),
            };
            if let Some(around) = around {
                tree.enclosing.insert(node.id(), around);
            }
            tree.note_method(node.kind());
            tree.note_name(node.id(), node.kind());
            if let AstKind::IdentifierReference(identifier) = node.kind()
                && identifier.name == "Promise"
            {
                let combines = match semantic.nodes().kind(parent) {
                    AstKind::StaticMemberExpression(member) => matches!(
                        member.property.name.as_str(),
                        "all" | "allSettled" | "any" | "race" | "resolve" | "reject"
                    ),
                    _ => false,
                };
                tree.resolvers |= !combines;
            }
        }
        let converts = |name: &&str| tree.methods.contains_key(*name) || tree.unclear.contains(*name);

        tree.hidden |= tree.entries && tree.pairs;
        tree.promises |= tree.hidden;
        tree.looks_up |= tree.borrows || tree.hidden;
        tree.hidden |= tree.moves && ["toString", "valueOf", "join"].iter().any(converts);
        tree.resolvers |= tree.methods.contains_key("then") || tree.is_unclear("then");
        tree.setters |= tree.methods.contains_key("set") || tree.unclear.contains("set");
        tree
    }

    /// Notes what the name of a property tells about the whole contract.
    fn note_name(&mut self, node: NodeId, kind: AstKind<'a>) {
        let (name, called) = match kind {
            AstKind::StaticMemberExpression(member) => {
                (member.property.name.as_str(), self.is_callee(node) && !self.is_tag(node))
            }
            AstKind::PrivateFieldExpression(member) => (member.field.name.as_str(), self.is_callee(node)),
            AstKind::ComputedMemberExpression(member) => match member.expression.without_parentheses() {
                Expression::StringLiteral(text) => (text.value.as_str(), self.is_callee(node)),
                Expression::TemplateLiteral(text) => match text.single_quasi() {
                    Some(name) => (name.as_str(), self.is_callee(node)),
                    None => return,
                },
                _ => return,
            },
            AstKind::ObjectProperty(property) => match key_name(&property.key) {
                Some("__proto__") => ("__proto__", true),
                Some("constructor") => ("constructor", true),
                _ => return,
            },
            AstKind::BindingProperty(property) => match key_name(&property.key) {
                Some(name) => (name, false),
                None => return,
            },
            AstKind::AssignmentTargetPropertyIdentifier(property) => (property.binding.name.as_str(), false),
            AstKind::AssignmentTargetPropertyProperty(property) => match key_name(&property.name) {
                Some(name) => (name, false),
                None => return,
            },
            _ => return,
        };
        if !called {
            self.read.insert(name);
        }
        match name {
            "bind" => self.binds = true,
            "hasInstance" | "getOwnPropertySymbols" | "ownKeys" | "getOwnPropertyDescriptors" => self.instances = true,
            "defineProperty" | "defineProperties" | "__defineGetter__" | "__defineSetter__" | "create" => {
                self.hidden = true;
                self.setters = true;
                self.borrows = true;
            }
            "fromEntries" => self.entries = true,
            "union"
            | "intersection"
            | "difference"
            | "symmetricDifference"
            | "isSubsetOf"
            | "isSupersetOf"
            | "isDisjointFrom" => self.looks_up = true,
            "constructor" | "species" => (self.borrows, self.promises) = (true, true),
            "prototype" | "__proto__" | "getPrototypeOf" | "setPrototypeOf" => self.borrows = true,
            _ => {}
        }
    }

    /// Whether an expression is called, or tags a template.
    pub fn is_callee(&self, node: NodeId) -> bool {
        let span = self.kind(node).span();
        match self.kind(self.parent(node)) {
            AstKind::CallExpression(call) => call.callee.span() == span,
            AstKind::TaggedTemplateExpression(tagged) => tagged.tag.span() == span,
            _ => false,
        }
    }

    fn is_tag(&self, node: NodeId) -> bool {
        matches!(self.kind(self.parent(node)), AstKind::TaggedTemplateExpression(_))
    }

    /// Whether all objects of a kind may share the function that they have under a name: to change it changes all of them.
    pub fn is_shared_function(&self, name: &str) -> bool {
        self.shared.contains(name)
    }

    /// Whether the engine may call a method of this name by itself.
    pub fn calls_unasked(&self, name: &str) -> bool {
        names::is_conversion(name) || self.looks_up && names::is_called_unasked(name)
    }

    /// Whether a method of a class may have a receiver that is no instance of it.
    pub fn is_borrowed(&self, name: Option<&str>) -> bool {
        self.borrows || self.hidden || name.is_none_or(|name| self.read.contains(name))
    }

    /// The name under which a statement puts a function into a prototype: `C.prototype.name = function () {}`.
    pub fn patch(&self, prototype: NodeId) -> Option<&'a str> {
        let AstKind::StaticMemberExpression(owner) = self.kind(prototype) else { return None };
        if owner.property.name != "prototype" || !matches!(owner.object, Expression::Identifier(_)) {
            return None;
        }
        let target = self.parent(prototype);
        let AstKind::StaticMemberExpression(member) = self.kind(target) else { return None };
        let AstKind::AssignmentExpression(assignment) = self.kind(self.parent(target)) else { return None };
        let is_target = matches!(&assignment.left, AssignmentTarget::StaticMemberExpression(left)
            if left.node_id.get() == target);
        let plain = is_target
            && assignment.operator.is_assign()
            && literal_function(&assignment.right).is_some()
            && matches!(self.kind(self.parent(self.parent(target))), AstKind::ExpressionStatement(_));
        plain.then_some(member.property.name.as_str())
    }

    /// Notes a property whose value is, or may be, a function.
    fn note_method(&mut self, kind: AstKind<'a>) {
        let (name, value) = match kind {
            AstKind::Class(class) => {
                let error = |heritage: &ClassHeritage<'_>| match heritage.expression.without_parentheses() {
                    Expression::Identifier(identifier) => names::is_error(&identifier.name),
                    _ => false,
                };
                let named = |heritage: &ClassHeritage<'_>| match heritage.expression.without_parentheses() {
                    Expression::Identifier(identifier) => match self.symbol_of(identifier) {
                        Some(symbol) => self.class_of(symbol).is_some(),
                        None => identifier.name != "Promise",
                    },
                    _ => false,
                };
                self.promises |= class.heritage.as_ref().is_some_and(|heritage| !named(heritage));
                self.looks_up |= class.heritage.as_ref().is_some_and(|heritage| !error(heritage));
                return;
            }
            AstKind::ObjectProperty(property) => {
                let name = key_name(&property.key);
                if property.kind != PropertyKind::Init {
                    self.setters |= property.kind == PropertyKind::Set;
                    // What a getter gives may be a function.
                    name.map_or_else(|| self.hidden = true, |name| _ = self.unclear.insert(name));
                }
                (name, Some(&property.value))
            }
            AstKind::PropertyDefinition(field) => (key_name(&field.key), field.value.as_ref()),
            // What may become a pair.
            AstKind::ArrayExpression(array) => {
                let mut values = array.elements.iter().skip(1).filter_map(ArrayExpressionElement::as_expression);
                self.pairs |= values.any(|value| !is_data(value));
                return;
            }
            AstKind::CallExpression(call) => {
                let name = call.callee.get_inner_expression().get_member_expr().and_then(|m| m.static_property_name());

                let stores = name.is_some_and(|name| names::stores(name) && name != "add" || name == "of");
                let mut values = call.arguments.iter().skip(usize::from(name.is_some_and(|name| name == "set")));
                let data = |value: &Argument<'_>| value.as_expression().is_some_and(is_data);
                self.pairs |= stores && !values.all(data);
                return;
            }
            AstKind::AccessorProperty(_) => {
                (self.hidden, self.setters) = (true, true);
                return;
            }
            AstKind::MethodDefinition(method) => {
                self.setters |= method.kind == MethodDefinitionKind::Set;
                match key_name(&method.key) {
                    Some(name) => {
                        self.methods.entry(name).or_default().push(method.value.node_id.get());
                        if method.kind.is_accessor() {
                            self.unclear.insert(name);
                        } else if !method.kind.is_constructor() {
                            self.shared.insert(name);
                        }
                    }
                    None => self.hidden = true,
                }
                return;
            }
            AstKind::AssignmentExpression(assignment) => match &assignment.left {
                AssignmentTarget::StaticMemberExpression(member) => {
                    if let Some(name) = self.patch(member.object.node_id()) {
                        self.shared.insert(name);
                    }
                    (Some(member.property.name.as_str()), Some(&assignment.right))
                }
                AssignmentTarget::PrivateFieldExpression(member) => {
                    (Some(member.field.name.as_str()), Some(&assignment.right))
                }
                AssignmentTarget::ComputedMemberExpression(member) => {
                    if keeps_itself(member, &assignment.right) {
                        self.moves = true;
                    } else {
                        self.hidden |= !is_data(&assignment.right);
                    }
                    return;
                }
                _ => return,
            },
            // A pattern or a loop that stores where it likes.
            AstKind::ArrayAssignmentTarget(target) => {
                self.hidden |= target.elements.iter().flatten().any(stores_in_member);
                return;
            }
            AstKind::AssignmentTargetPropertyProperty(target) => {
                self.hidden |= stores_in_member(&target.binding);
                return;
            }
            AstKind::AssignmentTargetRest(target) => {
                self.hidden |= target.target.as_member_expression().is_some();
                return;
            }
            AstKind::ForOfStatement(each) => {
                self.hidden |= each.left.as_assignment_target().is_some_and(|t| t.as_member_expression().is_some());
                return;
            }
            _ => return,
        };
        let Some(value) = value else { return };
        match (name, self.function_of_expression(value)) {
            (Some(name), Some(function)) => self.methods.entry(name).or_default().push(function),
            (None, _) => self.hidden |= !is_data(value),
            (Some(name), None) if !is_data(value) => {
                self.unclear.insert(name);
            }
            _ => {}
        }
    }

    /// Whether a method call of this name may run functions of the contract that `methods` does not list.
    pub fn is_unclear(&self, name: &str) -> bool {
        self.hidden || self.unclear.contains(name)
    }

    pub fn kind(&self, node: NodeId) -> AstKind<'a> {
        self.semantic.nodes().kind(node)
    }

    pub fn parent(&self, node: NodeId) -> NodeId {
        self.semantic.nodes().parent_id(node)
    }

    pub fn enclosing(&self, node: NodeId) -> Option<NodeId> {
        self.enclosing.get(&node).copied()
    }

    pub fn symbol_of(&self, identifier: &IdentifierReference<'_>) -> Option<SymbolId> {
        values::symbol_of(self.semantic, identifier)
    }

    /// The function around a binding's declaration.
    pub fn home(&self, symbol: SymbolId) -> Option<NodeId> {
        self.enclosing(self.semantic.scoping().symbol_declaration(symbol))
    }

    pub fn is_written(&self, symbol: SymbolId) -> bool {
        let scoping = self.semantic.scoping();
        scoping.symbol_is_mutated(symbol) || !scoping.symbol_redeclarations(symbol).is_empty()
    }

    /// The one function that a binding always holds.
    pub fn function_of(&self, symbol: SymbolId) -> Option<NodeId> {
        if self.is_written(symbol) {
            return None;
        }
        let declaration = self.semantic.scoping().symbol_declaration(symbol);
        match self.kind(declaration) {
            AstKind::Function(_) => Some(declaration),
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                declarator.init.as_ref().and_then(literal_function)
            }
            _ => None,
        }
    }

    /// The one class that a binding always holds.
    pub fn class_of(&self, symbol: SymbolId) -> Option<&'a Class<'a>> {
        if self.is_written(symbol) {
            return None;
        }
        match self.kind(self.semantic.scoping().symbol_declaration(symbol)) {
            AstKind::Class(class) => Some(class),
            AstKind::VariableDeclarator(declarator) if declarator.id.is_binding_identifier() => {
                match declarator.init.as_ref()?.without_parentheses() {
                    Expression::ClassExpression(class) => Some(class),
                    _ => None,
                }
            }
            _ => None,
        }
    }

    /// The function that an expression is, written in place or by a name that always holds it.
    pub fn function_of_expression(&self, expression: &Expression<'_>) -> Option<NodeId> {
        literal_function(expression).or_else(|| match expression.without_parentheses() {
            Expression::Identifier(identifier) => {
                self.symbol_of(identifier).and_then(|symbol| self.function_of(symbol))
            }
            _ => None,
        })
    }

    pub fn parameters(&self, function: NodeId) -> Option<&'a FormalParameters<'a>> {
        match self.kind(function) {
            AstKind::Function(function) => Some(&function.params),
            AstKind::ArrowFunctionExpression(function) => Some(&function.params),
            _ => None,
        }
    }
}

/// `object[key] = object[key] || []`: what was there, or data.
fn keeps_itself(target: &ComputedMemberExpression<'_>, value: &Expression<'_>) -> bool {
    let name = |expression: &Expression<'_>| match expression.without_parentheses() {
        Expression::Identifier(identifier) => Some(identifier.name.to_string()),
        _ => None,
    };
    let Expression::LogicalExpression(choice) = value.without_parentheses() else { return false };
    let Expression::ComputedMemberExpression(read) = choice.left.without_parentheses() else { return false };
    let same = name(&target.object).is_some()
        && name(&target.object) == name(&read.object)
        && name(&target.expression).is_some()
        && name(&target.expression) == name(&read.expression);
    same && is_data(&choice.right)
}

fn stores_in_member(target: &AssignmentTargetMaybeDefault<'_>) -> bool {
    match target {
        AssignmentTargetMaybeDefault::AssignmentTargetWithDefault(target) => {
            target.binding.as_member_expression().is_some()
        }
        target => target.as_assignment_target().is_some_and(|target| target.as_member_expression().is_some()),
    }
}

/// Whether an expression is certainly no function.
pub fn is_data(expression: &Expression<'_>) -> bool {
    let expression = expression.without_parentheses();
    expression.is_literal()
        || matches!(
            expression,
            Expression::TemplateLiteral(_)
                | Expression::BinaryExpression(_)
                | Expression::UnaryExpression(_)
                | Expression::UpdateExpression(_)
                | Expression::ObjectExpression(_)
                | Expression::ArrayExpression(_)
        )
        || expression.is_undefined()
}

pub fn literal_function(expression: &Expression<'_>) -> Option<NodeId> {
    match expression.without_parentheses() {
        Expression::FunctionExpression(function) => Some(function.node_id.get()),
        Expression::ArrowFunctionExpression(function) => Some(function.node_id.get()),
        _ => None,
    }
}

pub fn key_name<'a>(key: &PropertyKey<'a>) -> Option<&'a str> {
    match key {
        PropertyKey::StaticIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::PrivateIdentifier(name) => Some(name.name.as_str()),
        PropertyKey::StringLiteral(name) => Some(name.value.as_str()),
        _ => None,
    }
}
