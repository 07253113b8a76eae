//! The white list's names: of built-ins, of what the host gives, of properties that may be read and written.
//!
//! `tests/plain.rs` runs every entry in all engines, for each kind of receiver and argument, and fails when an entry has no
//! program. A name leaves its table as soon as one engine answers otherwise.

use oxc_ast::AstType;

/// Kinds of syntax. Many have conditions beside: see `Check::node`, which looks at each node of these kinds.
pub const SYNTAX: [AstType; 73] = [
    AstType::ArrayAssignmentTarget,
    AstType::ArrayExpression,
    AstType::ArrayPattern,
    AstType::ArrowFunctionExpression,
    AstType::AssignmentExpression,
    AstType::AssignmentPattern,
    AstType::AssignmentTargetPropertyIdentifier,
    AstType::AssignmentTargetPropertyProperty,
    AstType::AssignmentTargetRest,
    AstType::AssignmentTargetWithDefault,
    AstType::AwaitExpression,
    AstType::BinaryExpression,
    AstType::BindingIdentifier,
    AstType::BindingProperty,
    AstType::BindingRestElement,
    AstType::BlockStatement,
    AstType::BooleanLiteral,
    AstType::BreakStatement,
    AstType::CallExpression,
    AstType::CatchClause,
    AstType::CatchParameter,
    AstType::ChainExpression,
    AstType::Class,
    AstType::ClassBody,
    AstType::ComputedMemberExpression,
    AstType::ConditionalExpression,
    AstType::ContinueStatement,
    AstType::Directive,
    AstType::DoWhileStatement,
    AstType::EmptyStatement,
    AstType::ExportDeclaration,
    AstType::ExportNamedDeclaration,
    AstType::ExportSpecifier,
    AstType::ExpressionStatement,
    AstType::ForOfStatement,
    AstType::ForStatement,
    AstType::FormalParameter,
    AstType::FormalParameterRest,
    AstType::FormalParameters,
    AstType::Function,
    AstType::FunctionBody,
    AstType::IdentifierName,
    AstType::IdentifierReference,
    AstType::IfStatement,
    AstType::ImportDeclaration,
    AstType::ImportDefaultSpecifier,
    AstType::ImportSpecifier,
    AstType::LogicalExpression,
    AstType::NewExpression,
    AstType::NullLiteral,
    AstType::NumericLiteral,
    AstType::ObjectAssignmentTarget,
    AstType::ObjectExpression,
    AstType::ObjectPattern,
    AstType::ObjectProperty,
    AstType::ParenthesizedExpression,
    AstType::Program,
    AstType::RegExpLiteral,
    AstType::ReturnStatement,
    AstType::SpreadElement,
    AstType::StaticMemberExpression,
    AstType::StringLiteral,
    AstType::SwitchCase,
    AstType::SwitchStatement,
    AstType::TemplateElement,
    AstType::TemplateLiteral,
    AstType::ThrowStatement,
    AstType::TryStatement,
    AstType::UnaryExpression,
    AstType::UpdateExpression,
    AstType::VariableDeclaration,
    AstType::VariableDeclarator,
    AstType::WhileStatement,
];

/// Methods that are called as `value.name(...)`, whatever the value is. Each stands for *every* built-in method of that name:
/// the receiver's type is not known.
pub const METHODS: [&str; 62] = [
    // of text
    "charAt",
    "charCodeAt",
    "codePointAt",
    "endsWith",
    "padEnd",
    "padStart",
    "replaceAll",
    "split",
    "startsWith",
    "substring",
    "toLowerCase",
    "toUpperCase",
    "trim",
    "trimEnd",
    "trimStart",
    // of text and lists
    "concat",
    "includes",
    "indexOf",
    "lastIndexOf",
    "slice",
    // of lists
    "every",
    "fill",
    "filter",
    "find",
    "findIndex",
    "flat",
    "flatMap",
    "forEach",
    "join",
    "map",
    "pop",
    "push",
    "reduce",
    "reduceRight",
    "reverse",
    "shift",
    "some",
    "sort",
    "splice",
    "unshift",
    // of maps and sets, and of the transaction
    "add",
    "clear",
    "delete",
    "get",
    "has",
    // of numbers, dates, and all objects
    "getTime",
    "getUTCDate",
    "getUTCDay",
    "getUTCFullYear",
    "getUTCHours",
    "getUTCMilliseconds",
    "getUTCMinutes",
    "getUTCMonth",
    "getUTCSeconds",
    "hasOwnProperty",
    "toFixed",
    "toISOString",
    "toString",
    // of the transaction
    "addOplog",
    "put",
    "removeOplog",
    "setContractSource",
];

/// Methods whose result is an iterator on some receivers: only where it is iterated at once.
pub const ITERATING: [&str; 3] = ["entries", "keys", "values"];

/// Methods of maps that views of bytes have, too, with another meaning: only on a constant that is made by `new Map`.
/// (`bytes.set(1)` fails in V8 8.6, and does nothing in newer versions.)
pub const OF_MAPS: [&str; 1] = ["set"];

/// Methods whose argument must be a small number in the source: `''.repeat(4294967295)` fails in QuickJS only.
pub const WITH_LITERAL: [&str; 1] = ["repeat"];

/// Methods that call their first argument.
pub const CALLING: [&str; 13] = [
    "every",
    "filter",
    "find",
    "findIndex",
    "flatMap",
    "forEach",
    "map",
    "reduce",
    "reduceRight",
    "replace",
    "replaceAll",
    "some",
    "sort",
];

/// Methods that take a regular expression as their first argument.
pub const MATCHING: [&str; 4] = ["match", "replace", "search", "split"];

/// Methods of regular expressions.
pub const PATTERN_METHODS: [&str; 2] = ["exec", "test"];

/// Methods without arguments: with some, they are another thing.
pub const WITHOUT_ARGUMENTS: [&str; 1] = ["toString"];

/// Global functions, as callee.
pub const FUNCTIONS: [&str; 7] = ["Boolean", "Number", "String", "isFinite", "isNaN", "parseFloat", "parseInt"];
/// Global functions that may be given to a method which calls them.
pub const CALLBACKS: [&str; 3] = ["Boolean", "Number", "String"];

/// Static functions of global objects, and the most arguments they take here.
pub const STATICS: [(&str, &str, usize); 30] = [
    ("Array", "from", 2),
    ("Array", "isArray", 1),
    ("Array", "of", 16),
    ("JSON", "parse", 1),
    ("JSON", "stringify", 1),
    ("Math", "abs", 1),
    ("Math", "ceil", 1),
    ("Math", "floor", 1),
    ("Math", "max", 16),
    ("Math", "min", 16),
    ("Math", "round", 1),
    ("Math", "sign", 1),
    ("Math", "sqrt", 1),
    ("Math", "trunc", 1),
    ("Number", "isFinite", 1),
    ("Number", "isInteger", 1),
    ("Number", "isNaN", 1),
    ("Number", "isSafeInteger", 1),
    ("Number", "parseFloat", 1),
    ("Number", "parseInt", 2),
    ("Object", "assign", 16),
    ("Object", "entries", 1),
    ("Object", "freeze", 1),
    ("Object", "fromEntries", 1),
    ("Object", "isFrozen", 1),
    ("Object", "keys", 1),
    ("Object", "values", 1),
    ("Object", "is", 2),
    ("String", "fromCharCode", 16),
    ("String", "fromCodePoint", 16),
];

/// Static properties that are numbers.
pub const CONSTANTS: [(&str, &str); 5] = [
    ("Math", "PI"),
    ("Number", "EPSILON"),
    ("Number", "MAX_SAFE_INTEGER"),
    ("Number", "MIN_SAFE_INTEGER"),
    ("Number", "MAX_VALUE"),
];

/// Global values.
pub const VALUES: [&str; 3] = ["Infinity", "NaN", "undefined"];

/// Errors: made only to be thrown.
pub const ERRORS: [&str; 3] = ["Error", "RangeError", "TypeError"];

/// Constructors, and the most arguments they take here.
pub const CONSTRUCTORS: [(&str, usize); 3] = [("Date", 1), ("Map", 1), ("Set", 1)];

/// Exports of the module `assert`.
pub const ASSERT: [&str; 5] = ["default", "equal", "fail", "notEqual", "ok"];
/// Methods of the index.
pub const INDEX: [&str; 2] = ["get", "list"];

/// Names under which the engine or the host looks up functions in the objects of a contract, or whose writing is more than
/// that of a property. They are neither read nor written, nor bound.
pub const SPECIAL: [&str; 17] = [
    "__defineGetter__",
    "__defineSetter__",
    "__lookupGetter__",
    "__lookupSetter__",
    "__proto__",
    "arguments",
    "buffer",
    "byteOffset",
    "callee",
    "caller",
    "constructor",
    "prototype",
    "then",
    "toJSON",
    "toLocaleString",
    "toString",
    "valueOf",
];

/// Words that some parsers take for more than a name.
pub const WORDS: [&str; 8] = ["arguments", "async", "await", "eval", "let", "of", "static", "yield"];
