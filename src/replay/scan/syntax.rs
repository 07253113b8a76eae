//! Imports, exports, and syntax on which the engines in question disagree.
//!
//! The oldest engine of an executor is V8 8.6: ECMAScript 2020 with logical assignment, numeric separators, class fields
//! and private methods, top-level `await`. A contract with anything newer does not compile there *as a whole*, so one
//! use anywhere makes every operation engine-specific. The other way round, QuickJS refuses a few texts that V8
//! accepts; they are listed so that a compile error in the replay only is not taken for the contract's defect.

use oxc_ast::AstKind;
use oxc_ast::ast::*;
use oxc_semantic::Semantic;
use oxc_span::GetSpan;

use super::Findings;

/// Keys that every object inherits: as import specifiers they crash the executor, whose table of modules is a plain object.
const INHERITED: [&str; 12] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "isPrototypeOf",
    "propertyIsEnumerable",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// Notes every syntax that is newer than V8 8.6 or that QuickJS refuses.
pub fn engine_specific(semantic: &Semantic<'_>, findings: &mut Findings<'_>) {
    let nodes = semantic.nodes();
    for node in nodes.iter() {
        let at = node.kind().span().start;
        let what = match node.kind() {
            AstKind::StaticBlock(_) => "class static block (V8 9.4)",
            AstKind::PrivateInExpression(_) => "`#name in object` (V8 9.1)",
            AstKind::PrivateFieldExpression(field) if field.optional => "optional chain with a private name (V8 9.1)",
            AstKind::AccessorProperty(_) => "accessor field",
            AstKind::Decorator(_) => "decorator",
            AstKind::WithClause(_) => "import attributes (V8 12.3)",
            AstKind::ImportDeclaration(import) if import.phase.is_some() => "import phase",
            AstKind::ImportExpression(import) if import.phase.is_some() || import.options.is_some() => {
                "`import()` with options or phase"
            }
            AstKind::VariableDeclaration(declaration) if declaration.kind.is_using() => "`using` (V8 13.4)",
            AstKind::ImportSpecifier(specifier) if is_string(&specifier.imported) => "string as import name (V8 8.8)",
            AstKind::ExportSpecifier(specifier) if is_string(&specifier.local) || is_string(&specifier.exported) => {
                "string as export name (V8 8.8)"
            }
            AstKind::ExportAllDeclaration(all) if all.exported.as_ref().is_some_and(is_string) => {
                "string as export name (V8 8.8)"
            }
            AstKind::RegExpLiteral(literal) => match regex(literal) {
                Some(what) => what,
                None => continue,
            },
            AstKind::ArrowFunctionExpression(_) | AstKind::Function(_) | AstKind::Class(_)
                if in_parameters(semantic, node) =>
            {
                "closure among the parameters of a function (QuickJS gives it variables of its own)"
            }
            AstKind::ArrowFunctionExpression(arrow) if parameter_is_async(arrow) => {
                "arrow function with a parameter named async (QuickJS refuses it)"
            }
            AstKind::IdentifierName(IdentifierName { name, .. })
            | AstKind::IdentifierReference(IdentifierReference { name, .. })
            | AstKind::BindingIdentifier(BindingIdentifier { name, .. })
            | AstKind::PrivateIdentifier(PrivateIdentifier { name, .. })
            | AstKind::LabelIdentifier(LabelIdentifier { name, .. })
                if !name.is_ascii() && !crate::database::unicode::settled(name) =>
            {
                "identifier with characters newer than Unicode 13"
            }
            _ => continue,
        };
        findings.add(at, what);
    }
}

fn is_string(name: &ModuleExportName<'_>) -> bool {
    matches!(name, ModuleExportName::StringLiteral(_))
}

/// `async => 1`, without parentheses.
/// Is this closure part of a parameter's default value or pattern?
fn in_parameters(semantic: &Semantic<'_>, node: &oxc_semantic::AstNode<'_>) -> bool {
    for ancestor in semantic.nodes().ancestor_kinds(node.id()) {
        match ancestor {
            AstKind::FormalParameter(_) | AstKind::FormalParameters(_) => return true,
            AstKind::FunctionBody(_) | AstKind::Program(_) => return false,
            _ => {}
        }
    }
    false
}

fn parameter_is_async(arrow: &ArrowFunctionExpression<'_>) -> bool {
    arrow.params.items.first().is_some_and(|item| {
        item.span.start == arrow.span.start && item.pattern.get_identifier_name().is_some_and(|name| name == "async")
    })
}

/// What a regular expression has that V8 8.6 lacks. Works on the text: escapes and classes are skipped.
fn regex(literal: &RegExpLiteral<'_>) -> Option<&'static str> {
    let flags = literal.regex.flags;
    if flags.contains(RegExpFlags::D) {
        return Some("regular expression flag d (V8 9.0)");
    }
    if flags.contains(RegExpFlags::V) {
        return Some("regular expression flag v (V8 11.2)");
    }
    let unicode = flags.contains(RegExpFlags::U);
    let mut names = std::collections::HashSet::new();
    let mut rest: &str = &literal.regex.pattern.text;
    let mut in_class = false;
    while let Some(character) = rest.chars().next() {
        let mut after = rest.get(character.len_utf8()..).unwrap_or("");
        match character {
            '\\' => {
                let escaped = after.chars().next().map_or(0, char::len_utf8);
                if unicode && (after.starts_with("p{") || after.starts_with("P{")) && !settled_property(after) {
                    return Some("Unicode property that depends on the engine's Unicode version");
                }
                after = after.get(escaped..).unwrap_or("");
            }
            '[' if !in_class => in_class = true,
            ']' => in_class = false,
            '(' if !in_class => {
                if let Some(group) = after.strip_prefix('?') {
                    if let Some(name) = group.strip_prefix('<').filter(|g| !g.starts_with(['=', '!'])) {
                        let name = name.split_once('>').map_or(name, |(name, _)| name);
                        if !names.insert(name) {
                            return Some("duplicate named groups (V8 12.5)");
                        }
                    } else if !group.starts_with([':', '=', '!', '<']) {
                        return Some("regular expression modifiers (V8 12.5)");
                    }
                }
            }
            _ => {}
        }
        rest = after;
    }
    None
}

/// General categories and ASCII-like properties: every engine knows the names. (Their *members* grow with Unicode; the text
/// that an operation brings is judged elsewhere.)
fn settled_property(after: &str) -> bool {
    let name = after.get(2..).and_then(|text| text.split_once('}')).map_or("", |(name, _)| name);
    let value = name.split_once('=').map_or(name, |(key, value)| match key {
        "gc" | "General_Category" => value,
        _ => "",
    });
    value.len() == 1
        || matches!(
            value,
            "Lu" | "Ll" | "Lt" | "LC" | "Lm" | "Lo" | "Mn" | "Mc" | "Me" | "Nd" | "Nl" | "No" | "Pc" | "Pd" | "Ps"
        )
        || matches!(value, "Pe" | "Pi" | "Pf" | "Po" | "Sm" | "Sc" | "Sk" | "So" | "Zs" | "Zl" | "Zp" | "Cc" | "Cf")
        || matches!(value, "Letter" | "Number" | "Punctuation" | "Symbol" | "Separator" | "Mark" | "Any" | "ASCII")
        || matches!(value, "Alphabetic" | "Alpha" | "Lowercase" | "Uppercase" | "White_Space" | "Emoji")
        || matches!(value, "Uppercase_Letter" | "Lowercase_Letter" | "Decimal_Number" | "ID_Start" | "ID_Continue")
}

/// The specifiers of static imports and re-exports. Notes those that crash an executor.
pub fn imports(program: &Program<'_>, findings: &mut Findings<'_>) -> Vec<String> {
    let mut all: Vec<String> = Vec::new();
    let mut seen = std::collections::HashSet::new();
    for statement in &program.body {
        let source = match statement {
            Statement::ImportDeclaration(import) => &import.source,
            Statement::ExportAllDeclaration(export) => &export.source,
            Statement::ExportFromDeclaration(export) => &export.source,
            _ => continue,
        };
        if INHERITED.contains(&source.value.as_str()) {
            findings.add(source.span.start, "import of a name that crashes the executor");
        }
        if seen.insert(source.value.as_str()) {
            all.push(source.value.as_str().to_owned());
        }
    }
    all
}

/// The exports that are plainly functions, and whether `process` may be one of the exports.
pub fn exports(semantic: &Semantic<'_>) -> (Vec<String>, bool) {
    let mut functions = Vec::new();
    let mut process = false;
    for statement in &semantic.nodes().program().body {
        match statement {
            Statement::ExportDeclaration(export) => match &export.declaration {
                Declaration::VariableDeclaration(declaration) => {
                    for declarator in &declaration.declarations {
                        let callable = declarator.init.as_ref().is_some_and(is_function);
                        for name in declarator.id.get_binding_identifiers() {
                            process |= name.name == "process";
                            if callable && declarator.id.is_binding_identifier() {
                                functions.push(name.name.to_string());
                            }
                        }
                    }
                }
                declaration => {
                    if let Some(id) = declaration.id() {
                        process |= id.name == "process";
                        if matches!(declaration, Declaration::FunctionDeclaration(_)) {
                            functions.push(id.name.to_string());
                        }
                    }
                }
            },
            Statement::ExportNamedDeclaration(export) => {
                for specifier in &export.specifiers {
                    let name = specifier.exported.name();
                    process |= name == "process";
                    if names_function(semantic, &specifier.local) {
                        functions.push(name.to_string());
                    }
                }
            }
            Statement::ExportFromDeclaration(export) => {
                process |= export.specifiers.iter().any(|specifier| specifier.exported.name() == "process");
            }
            Statement::ExportAllDeclaration(export) => {
                process |= export.exported.as_ref().is_none_or(|name| name.name() == "process");
            }
            Statement::ExportDefaultDeclaration(export) => {
                let callable = match &export.declaration {
                    ExportDefaultDeclarationKind::FunctionDeclaration(_) => true,
                    declaration => declaration.as_expression().is_some_and(is_function),
                };
                if callable {
                    functions.push("default".to_owned());
                }
            }
            _ => {}
        }
    }
    (functions, process)
}

fn is_function(expression: &Expression<'_>) -> bool {
    matches!(
        expression.without_parentheses(),
        Expression::ArrowFunctionExpression(_) | Expression::FunctionExpression(_)
    )
}

/// Whether the local name of an export is bound to a function and to nothing else.
fn names_function(semantic: &Semantic<'_>, local: &ModuleExportName<'_>) -> bool {
    let ModuleExportName::IdentifierReference(reference) = local else { return false };
    let symbol = reference.reference_id.get().and_then(|id| semantic.scoping().get_reference(id).symbol_id());
    let Some(symbol) = symbol.filter(|symbol| !semantic.scoping().symbol_is_mutated(*symbol)) else { return false };
    match semantic.symbol_declaration(symbol).kind() {
        AstKind::Function(_) => true,
        AstKind::VariableDeclarator(declarator) => {
            declarator.id.is_binding_identifier() && declarator.init.as_ref().is_some_and(is_function)
        }
        _ => false,
    }
}
