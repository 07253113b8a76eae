//! Can operations write below `/.sys` past the runtime's guard?
//!
//! The guard refuses paths that begin with `/.sys/`, but `//.sys/...` and others come to the same key. Whoever can have a
//! contract write a path of his own choice can forge acks, inputs and contract sources, so that what an entry of the index
//! *is* depends on all operations before it. A contract that provably never does that is *guarded*: then each entry is what
//! it seems, and one transaction can be judged alone.
//!
//! Guarded is what is written in a plain way, and nothing else: the module's own code does nothing when it is evaluated;
//! functions leave nothing behind; `tx` is only used to call its methods, or handed to a function of the module by its name;
//! and the path of each `put` and `delete` begins with text that cannot lead below `/.sys`. A false yes could accuse an honest
//! executor, a false no makes proofs longer.

use std::collections::HashSet;

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::{NodeId, Semantic};
use oxc_syntax::symbol::SymbolId;

use super::purity::tree::{Tree, key_name};

/// Names that give access to what the text does not show.
const HAZARDS: [&str; 10] =
    ["eval", "Function", "arguments", "Reflect", "Proxy", "globalThis", "window", "self", "global", "constructor"];
/// The deepest chain of names that is followed to a path's beginning.
const MAX_STEPS: usize = 16;

/// Whether a contract whose functions leave nothing behind is guarded; see the module.
pub fn is_guarded(semantic: &Semantic<'_>) -> bool {
    let tree = Tree::new(semantic);
    let hazard = |name: &str| HAZARDS.contains(&name) || name == "__proto__" || name == "prototype";
    let plain = semantic.nodes().iter().all(|node| match node.kind() {
        AstKind::IdentifierReference(identifier) => !hazard(&identifier.name),
        AstKind::StaticMemberExpression(member) => !hazard(&member.property.name),
        AstKind::WithStatement(_) | AstKind::ImportExpression(_) | AstKind::StaticBlock(_) => false,
        _ => true,
    });
    let program = semantic.nodes().program();
    if !plain || !program.body.iter().all(is_inert) {
        return false;
    }
    let mut follow = Follow { tree: &tree, seen: HashSet::new(), work: Vec::new() };
    follow.apply(program) && follow.all()
}

/// A statement of the module that does nothing but bind names.
fn is_inert(statement: &Statement<'_>) -> bool {
    match statement {
        Statement::ImportDeclaration(_) | Statement::FunctionDeclaration(_) | Statement::EmptyStatement(_) => true,
        Statement::ClassDeclaration(class) => is_inert_class(class),
        Statement::VariableDeclaration(declaration) => are_inert(declaration),
        Statement::ExportNamedDeclaration(_) => true,
        Statement::ExportDeclaration(export) => match &export.declaration {
            Declaration::FunctionDeclaration(_) => true,
            Declaration::ClassDeclaration(class) => is_inert_class(class),
            Declaration::VariableDeclaration(declaration) => are_inert(declaration),
            _ => false,
        },
        _ => false,
    }
}

fn are_inert(declaration: &VariableDeclaration<'_>) -> bool {
    declaration.kind.is_const()
        && declaration.declarations.iter().all(|declarator| {
            declarator.id.is_binding_identifier()
                && declarator.init.as_ref().is_some_and(|value| is_inert_value(value, 0))
        })
}

fn is_inert_class(class: &Class<'_>) -> bool {
    let named = |heritage: &ClassHeritage<'_>| matches!(heritage.expression, Expression::Identifier(_));
    let member = |member: &ClassElement<'_>| match member {
        ClassElement::MethodDefinition(method) => !method.computed,
        ClassElement::PropertyDefinition(field) => !field.computed && !field.r#static,
        _ => false,
    };
    class.heritage.as_ref().is_none_or(named) && class.decorators.is_empty() && class.body.body.iter().all(member)
}

fn is_inert_value(value: &Expression<'_>, depth: usize) -> bool {
    if depth > MAX_STEPS {
        return false;
    }
    let deeper = depth.saturating_add(1);
    match value.without_parentheses() {
        Expression::Identifier(_) | Expression::FunctionExpression(_) | Expression::ArrowFunctionExpression(_) => true,
        Expression::ObjectExpression(object) => object.properties.iter().all(|property| match property {
            ObjectPropertyKind::ObjectProperty(property) => {
                property.kind == PropertyKind::Init
                    && key_name(&property.key).is_some_and(|name| !property.computed && name != "__proto__")
                    && is_inert_value(&property.value, deeper)
            }
            ObjectPropertyKind::SpreadProperty(_) => false,
        }),
        Expression::ArrayExpression(array) => array
            .elements
            .iter()
            .all(|element| element.as_expression().is_some_and(|element| is_inert_value(element, deeper))),
        Expression::UnaryExpression(unary) => unary.argument.is_literal(),
        Expression::BinaryExpression(binary) => binary.left.is_literal() && binary.right.is_literal(),
        Expression::TemplateLiteral(template) => template.expressions.is_empty(),
        value => value.is_literal(),
    }
}

/// Follows `tx` through the functions that are given it.
struct Follow<'f, 't, 'a> {
    tree: &'f Tree<'t, 'a>,
    // Functions, and which of their parameters is `tx`.
    seen: HashSet<(NodeId, usize)>,
    work: Vec<(NodeId, usize)>,
}

impl<'a> Follow<'_, '_, 'a> {
    /// Finds the functions that the runtime gives `tx` to: those of the export `apply`.
    fn apply(&mut self, program: &'a Program<'a>) -> bool {
        let mut found = false;
        for statement in &program.body {
            let declaration = match statement {
                Statement::ExportDeclaration(export) => &export.declaration,
                // Another name could stand for it.
                Statement::ExportNamedDeclaration(export) if export.specifiers.is_empty() => continue,
                Statement::ExportNamedDeclaration(_) => return false,
                _ => continue,
            };
            match declaration {
                Declaration::FunctionDeclaration(function)
                    if function.id.as_ref().is_some_and(|id| id.name == "apply") =>
                {
                    found = true;
                    self.give(function.node_id.get(), 0);
                }
                Declaration::VariableDeclaration(declaration) => {
                    for declarator in &declaration.declarations {
                        if declarator.id.get_identifier_name().is_some_and(|name| name == "apply") {
                            found = true;
                            let Some(init) = &declarator.init else { return false };
                            if !self.handlers(init) {
                                return false;
                            }
                        }
                    }
                }
                _ => {}
            }
        }
        found
    }

    fn handlers(&mut self, init: &Expression<'a>) -> bool {
        if let Expression::ObjectExpression(object) = init.without_parentheses() {
            return object.properties.iter().all(|property| match property {
                ObjectPropertyKind::ObjectProperty(property) => {
                    let function = self.tree.function_of_expression(&property.value);
                    function.inspect(|function| self.give(*function, 0)).is_some()
                }
                ObjectPropertyKind::SpreadProperty(_) => false,
            });
        }
        self.tree.function_of_expression(init).inspect(|function| self.give(*function, 0)).is_some()
    }

    fn give(&mut self, function: NodeId, parameter: usize) {
        if self.seen.insert((function, parameter)) {
            self.work.push((function, parameter));
        }
    }

    /// Looks at every use of `tx` in all functions that are given it.
    fn all(&mut self) -> bool {
        while let Some((function, at)) = self.work.pop() {
            let Some(parameters) = self.tree.parameters(function) else { return false };
            // A rest parameter would hold it, too.
            if parameters.rest.is_some() && parameters.items.len() <= at {
                return false;
            }
            let Some(parameter) = parameters.items.get(at) else { continue };
            if parameter.initializer.is_some() {
                return false;
            }
            let BindingPattern::BindingIdentifier(name) = &parameter.pattern else { return false };
            let Some(symbol) = name.symbol_id.get() else { return false };
            if self.tree.is_written(symbol) {
                return false;
            }
            let references = self.tree.semantic.scoping().get_resolved_references(symbol);
            let uses: Vec<NodeId> = references.map(|reference| reference.node_id()).collect();
            if !uses.into_iter().all(|node| self.is_harmless(node)) {
                return false;
            }
        }
        true
    }

    /// Whether one mention of `tx` writes nowhere below `/.sys`.
    fn is_harmless(&mut self, node: NodeId) -> bool {
        let parent = self.tree.parent(node);
        match self.tree.kind(parent) {
            AstKind::StaticMemberExpression(member) if member.object.node_id() == node => {
                let AstKind::CallExpression(call) = self.tree.kind(self.tree.parent(parent)) else { return false };
                if call.callee.without_parentheses().node_id() != parent {
                    return false;
                }
                match member.property.name.as_str() {
                    "addOplog" | "removeOplog" | "setContractSource" => true,
                    "put" | "delete" => {
                        let path = call.arguments.first().and_then(Argument::as_expression);
                        path.is_some_and(|path| self.beginning(path, 0).is_some_and(|text| leads_elsewhere(&text)))
                    }
                    _ => false,
                }
            }
            AstKind::CallExpression(call) => {
                let place = call.arguments.iter().position(|argument| argument.node_id() == node);
                let spread = call.arguments.iter().any(|argument| matches!(argument, Argument::SpreadElement(_)));
                let own = match call.callee.without_parentheses() {
                    Expression::Identifier(name) => {
                        self.tree.symbol_of(name).and_then(|symbol| self.tree.function_of(symbol))
                    }
                    _ => None,
                };
                match (place, own) {
                    (Some(place), Some(function)) if !spread => {
                        self.give(function, place);
                        true
                    }
                    _ => false,
                }
            }
            _ => false,
        }
    }

    /// Text with which the value of an expression begins, if that is certain.
    fn beginning(&self, expression: &Expression<'a>, depth: usize) -> Option<String> {
        if depth > MAX_STEPS {
            return None;
        }
        let deeper = depth.saturating_add(1);
        match expression.without_parentheses() {
            Expression::StringLiteral(text) => Some(text.value.to_string()),
            Expression::TemplateLiteral(template) => {
                let first = template.quasis.first()?.value.cooked?;
                match template.expressions.first() {
                    Some(inner) if first.is_empty() => self.beginning(inner, deeper),
                    _ => Some(first.to_string()),
                }
            }
            Expression::BinaryExpression(sum) if sum.operator == BinaryOperator::Addition => {
                self.beginning(&sum.left, deeper)
            }
            Expression::Identifier(name) => self.bound(self.tree.symbol_of(name)?, deeper),
            Expression::CallExpression(call) => match call.callee.without_parentheses() {
                Expression::Identifier(name) => {
                    let function = self.tree.function_of(self.tree.symbol_of(name)?)?;
                    self.returned(function, deeper)
                }
                _ => None,
            },
            _ => None,
        }
    }

    /// The beginning of what a name always stands for.
    fn bound(&self, symbol: SymbolId, depth: usize) -> Option<String> {
        if self.tree.is_written(symbol) {
            return None;
        }
        let AstKind::VariableDeclarator(declarator) =
            self.tree.kind(self.tree.semantic.scoping().symbol_declaration(symbol))
        else {
            return None;
        };
        if !declarator.id.is_binding_identifier() {
            return None;
        }
        self.beginning(declarator.init.as_ref()?, depth)
    }

    /// The beginning of what a function returns that does nothing else.
    fn returned(&self, function: NodeId, depth: usize) -> Option<String> {
        let body = match self.tree.kind(function) {
            AstKind::ArrowFunctionExpression(function) if !function.r#async => {
                if let Some(expression) = function.get_expression() {
                    return self.beginning(expression, depth);
                }
                function.get_function_body()?
            }
            AstKind::Function(function) if !function.r#async && !function.generator => function.body.as_ref()?,
            _ => return None,
        };
        match body.statements.as_slice() {
            [Statement::ReturnStatement(returned)] => self.beginning(returned.argument.as_ref()?, depth),
            _ => None,
        }
    }
}

/// Whether a path that begins like this is never one below `/.sys`: empty segments are dropped, and the first other one
/// begins with something else.
fn leads_elsewhere(beginning: &str) -> bool {
    let first = beginning.strip_prefix('/').unwrap_or(beginning).chars().next();
    first.is_some_and(|first| !matches!(first, '/' | '.' | '\0'))
}
