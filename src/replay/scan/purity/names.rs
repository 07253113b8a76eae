//! What the scan knows of the names of ECMAScript's built-in objects.

/// Methods that change their receiver, and exist on arrays, maps, sets, dates or typed arrays.
pub fn mutates(name: &str) -> bool {
    matches!(
        name,
        "push"
            | "pop"
            | "shift"
            | "unshift"
            | "splice"
            | "sort"
            | "reverse"
            | "fill"
            | "copyWithin"
            | "set"
            | "add"
            | "delete"
            | "clear"
            | "next"
            | "return"
            | "throw"
            | "compile"
            | "append"
            | "__defineGetter__"
            | "__defineSetter__"
            | "getOrInsert"
            | "getOrInsertComputed"
            | "register"
            | "unregister"
            | "resize"
            | "transfer"
    ) || (name.len() > 3 && name.starts_with("set") && name.as_bytes().get(3).is_some_and(u8::is_ascii_uppercase))
}

/// Methods that change neither receiver nor arguments, whatever built-in object the receiver is. (A method of that name
/// in the contract is looked at by itself.) Iterator helpers consume their receiver: see [`consumes_iterators`].
pub fn reads(name: &str) -> bool {
    calls_back(name)
        || keeps_nothing(name)
        || matches!(
            name,
            "toString"
                | "toLocaleString"
                | "valueOf"
                | "slice"
                | "substring"
                | "substr"
                | "join"
                | "concat"
                | "flat"
                | "keys"
                | "values"
                | "entries"
                | "at"
                | "charAt"
                | "charCodeAt"
                | "codePointAt"
                | "toUpperCase"
                | "toLowerCase"
                | "trim"
                | "trimStart"
                | "trimEnd"
                | "padStart"
                | "padEnd"
                | "repeat"
                | "normalize"
                | "toFixed"
                | "toPrecision"
                | "toExponential"
                | "toISOString"
                | "toJSON"
                | "getTime"
                | "subarray"
                | "toReversed"
                | "toSpliced"
                | "with"
                | "toLocaleUpperCase"
                | "toLocaleLowerCase"
                | "union"
                | "intersection"
                | "difference"
                | "symmetricDifference"
        )
        || (name.len() > 3 && name.starts_with("get") && name.as_bytes().get(3).is_some_and(u8::is_ascii_uppercase))
}

/// Methods that only look at their arguments.
pub fn keeps_nothing(name: &str) -> bool {
    matches!(
        name,
        "includes"
            | "indexOf"
            | "lastIndexOf"
            | "has"
            | "get"
            | "hasOwnProperty"
            | "propertyIsEnumerable"
            | "isPrototypeOf"
            | "localeCompare"
            | "startsWith"
            | "endsWith"
            | "test"
            | "exec"
            | "match"
            | "matchAll"
            | "search"
            | "split"
            | "isSubsetOf"
            | "isSupersetOf"
            | "isDisjointFrom"
    )
}

/// Methods that call a function they are given (with elements, indices and the receiver, or with a promise's value).
pub fn calls_back(name: &str) -> bool {
    matches!(
        name,
        "map"
            | "filter"
            | "forEach"
            | "some"
            | "every"
            | "find"
            | "findIndex"
            | "findLast"
            | "findLastIndex"
            | "reduce"
            | "reduceRight"
            | "flatMap"
            | "toSorted"
            | "then"
            | "finally"
            | "replace"
            | "replaceAll"
            | "catch"
    )
}

/// Reading methods that, on an iterator, advance it.
pub fn consumes_iterators(name: &str) -> bool {
    matches!(name, "map" | "filter" | "forEach" | "some" | "every" | "find" | "reduce" | "flatMap" | "take" | "drop")
        || name == "toArray"
}

/// Reading methods that depend on a regular expression's `lastIndex`.
pub fn depends_on_last_index(name: &str) -> bool {
    matches!(name, "test" | "exec")
}

/// Methods that a string has and that leave `lastIndex` of a global regular expression at 0.
pub fn resets_last_index(name: &str) -> bool {
    matches!(name, "replace" | "replaceAll" | "match" | "matchAll" | "split" | "search")
}

/// Methods that put their arguments into the receiver, or into what they return.
pub fn stores(name: &str) -> bool {
    matches!(name, "push" | "unshift" | "set" | "add" | "fill" | "splice" | "concat" | "with" | "toSpliced")
}

/// What becomes of the arguments of a built-in function that changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// The result is a primitive or has nothing of the arguments.
    Forgets,
    /// The result is new, and holds what the arguments hold.
    Copies,
    /// The result is the argument, or something in it, or a prototype.
    Returns,
    /// `Object.assign`: the first argument is changed and returned, the others are copied.
    Assigns,
}

/// Functions of built-in objects: `object.name(...)`. None: unknown, or it changes something.
pub fn built_in_method(object: &str, name: &str) -> Option<Use> {
    Some(match (object, name) {
        ("Math" | "Number" | "String" | "BigInt" | "Date" | "Symbol" | "JSON" | "console", _)
            if !name.starts_with("__")
                && !reaches_shared(name)
                && !matches!(name, "valueOf" | "raw" | "call" | "apply" | "bind") =>
        {
            Use::Forgets
        }
        ("Intl", "getCanonicalLocales" | "supportedValuesOf") => Use::Forgets,
        ("String", "raw") => Use::Forgets,
        ("Array", "isArray") | ("ArrayBuffer", "isView") | ("Reflect", "has" | "ownKeys") => Use::Forgets,
        ("Array", "of" | "from" | "fromAsync") => Use::Copies,
        (
            "Object",
            "is"
            | "keys"
            | "getOwnPropertyNames"
            | "getOwnPropertySymbols"
            | "isFrozen"
            | "isSealed"
            | "isExtensible"
            | "hasOwn",
        ) => Use::Forgets,
        ("Object", "values" | "entries" | "fromEntries" | "getOwnPropertyDescriptor" | "getOwnPropertyDescriptors") => {
            Use::Copies
        }
        ("Object", "create" | "groupBy") | ("Map", "groupBy") => Use::Copies,
        (
            "Object",
            "freeze" | "seal" | "preventExtensions" | "defineProperty" | "defineProperties" | "setPrototypeOf",
        )
        | ("Object", "assign") => Use::Assigns,
        ("Object", "getPrototypeOf") | ("Reflect", "getPrototypeOf" | "get" | "getOwnPropertyDescriptor") => {
            Use::Returns
        }
        ("Promise", "all" | "allSettled" | "any" | "race") => Use::Copies,
        ("Promise", "resolve" | "reject") => Use::Returns,
        _ => return None,
    })
}

/// Global functions and constructors: `name(...)` or `new name(...)`. None: unknown, or it changes something.
pub fn built_in_function(name: &str) -> Option<Use> {
    Some(match name {
        "String" | "Number" | "Boolean" | "BigInt" | "Symbol" | "parseInt" | "parseFloat" | "isNaN" | "isFinite"
        | "Date" | "encodeURIComponent" | "decodeURIComponent" | "encodeURI" | "decodeURI" | "escape" | "unescape"
        | "Error" | "TypeError" | "RangeError" | "SyntaxError" | "ReferenceError" | "EvalError" | "URIError" => {
            Use::Forgets
        }
        // Called without `new`, it returns a regular expression that it is given.
        "RegExp" => Use::Returns,
        "Map" | "Set" | "WeakMap" | "WeakSet" | "Array" | "AggregateError" => Use::Copies,
        "Uint8Array" | "Int8Array" | "Uint16Array" | "Int16Array" | "Uint32Array" | "Int32Array" | "Float32Array"
        | "Float64Array" | "BigInt64Array" | "BigUint64Array" | "Uint8ClampedArray" | "ArrayBuffer" => Use::Copies,
        "Object" | "Promise" => Use::Returns,
        _ => return None,
    })
}

/// Constants of built-in objects.
pub fn is_constant(object: &str, name: &str) -> bool {
    match object {
        "Math" => name.chars().all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()),
        "Number" => matches!(name, "NaN" | "EPSILON") || name.starts_with("M") || name.ends_with("_INFINITY"),
        "Symbol" => name.chars().next().is_some_and(|c| c.is_ascii_lowercase()) && !reads(name) && name != "for",
        _ => false,
    }
}

/// Constructors of errors, which keep the `cause` among their options.
pub fn is_error(name: &str) -> bool {
    name == "Error" || name.len() > 5 && name.ends_with("Error")
}

/// Built-in functions that iterate their first argument.
pub fn iterates(name: &str) -> bool {
    matches!(
        name,
        "from"
            | "fromAsync"
            | "groupBy"
            | "Map"
            | "Set"
            | "WeakMap"
            | "WeakSet"
            | "AggregateError"
            | "all"
            | "allSettled"
            | "any"
            | "race"
            | "fromEntries"
    ) || (name != "Array" && name.ends_with("Array"))
}

/// Which argument of a method is a function that it calls.
pub fn callback_of(name: &str) -> Option<std::ops::Range<usize>> {
    match name {
        "replace" | "replaceAll" | "getOrInsertComputed" => Some(1..2),
        "then" => Some(0..2),
        "sort" => Some(0..1),
        _ if calls_back(name) => Some(0..1),
        _ => None,
    }
}

/// Methods that the engine calls of any object: conversions, iteration, promises, JSON, constructors of copies.
pub fn is_conversion(name: &str) -> bool {
    matches!(
        name,
        "toString" | "toLocaleString" | "valueOf" | "toJSON" | "then" | "next" | "return" | "throw" | "constructor"
    )
}

/// Methods that the engine calls by itself: conversions, descriptors, and those that built-in methods look up in their
/// receiver or arguments.
pub fn is_called_unasked(name: &str) -> bool {
    is_conversion(name)
        || matches!(
            name,
            "get"
                | "set"
                | "has"
                | "keys"
                | "add"
                | "join"
                | "exec"
                | "resolve"
                | "toISOString"
                | "concat"
                | "apply"
                | "construct"
                | "deleteProperty"
                | "defineProperty"
                | "getOwnPropertyDescriptor"
                | "getPrototypeOf"
                | "setPrototypeOf"
                | "isExtensible"
                | "preventExtensions"
                | "ownKeys"
        )
}

/// Globals that are primitives.
pub fn is_primitive_global(name: &str) -> bool {
    matches!(name, "undefined" | "NaN" | "Infinity")
}

/// State of the last regular expression match, kept in the realm.
pub fn is_legacy_regexp_state(name: &str) -> bool {
    let digit = name.strip_prefix('$').is_some_and(|rest| rest.len() == 1);
    digit || matches!(name, "lastMatch" | "lastParen" | "leftContext" | "rightContext")
}

/// More of it, under a name that contracts use for other things.
pub fn may_be_regexp_state(name: &str) -> bool {
    name == "input" || is_legacy_regexp_state(name)
}

/// Names under which every object (or every string, array, function ...) finds a *shared* object, and which are no plain
/// methods that a data property would commonly share its name with.
pub fn reaches_shared(name: &str) -> bool {
    matches!(name, "constructor" | "__proto__" | "prototype" | "caller" | "callee" | "arguments")
}

/// Stands for a key that is a well-known symbol.
pub const SYMBOL: &str = "@@";

/// Names of inherited functions that contracts may read as values: writing to *those* changes a shared object.
pub fn inherited_function(name: &str) -> bool {
    mutates(name)
        || reads(name)
        || matches!(
            name,
            "call"
                | "apply"
                | "bind"
                | "raw"
                | "anchor"
                | "big"
                | "bold"
                | "link"
                | "blink"
                | "fixed"
                | "fontcolor"
                | "fontsize"
                | "italics"
                | "small"
                | "strike"
                | "sub"
                | "sup"
                | "__lookupGetter__"
                | "__lookupSetter__"
                | "assign"
                | "create"
                | "defineProperty"
                | "defineProperties"
                | "freeze"
                | "seal"
                | "preventExtensions"
                | "is"
                | "isFrozen"
                | "isSealed"
                | "isExtensible"
                | "isArray"
                | "from"
                | "of"
                | "all"
                | "allSettled"
                | "any"
                | "race"
                | "resolve"
                | "reject"
                | "now"
                | "parse"
                | "stringify"
                | "for"
                | "keyFor"
                | "fromEntries"
                | "hasOwn"
                | "groupBy"
                | "fromCharCode"
                | "fromCodePoint"
                | "isInteger"
                | "isSafeInteger"
                | "isNaN"
                | "isFinite"
                | "parseFloat"
                | "parseInt"
                | "UTC"
                | "isView"
                | "captureStackTrace"
                | "prepareStackTrace"
                | "construct"
                | "ownKeys"
                | SYMBOL
                | "isWellFormed"
                | "toWellFormed"
                | "trimLeft"
                | "trimRight"
                | "deref"
                | "asIntN"
                | "asUintN"
                | "toDateString"
                | "toTimeString"
                | "toUTCString"
                | "toGMTString"
                | "toLocaleDateString"
                | "toLocaleTimeString"
                | "getYear"
                | "setYear"
                | "take"
                | "drop"
                | "toArray"
                | "grow"
                | "withResolvers"
                | "try"
                | "isError"
                | "fromBase64"
                | "fromHex"
                | "toBase64"
                | "toHex"
                | "transferToFixedLength"
                | "format"
                | "formatToParts"
                | "resolvedOptions"
                | "supportedLocalesOf"
        )
}
