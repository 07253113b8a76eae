//! The host functions that the prelude and the guest's API are made of.

use std::rc::Rc;

use rquickjs::function::{Opt, Rest};
use rquickjs::object::Accessor;
use rquickjs::{Array, Ctx, Exception, Function, Object, Persistent, Result, Value as Js};

use super::clone::{self, Cloned, data};
use super::host::{Exhausted, Host, ListRequest, Pending, Request};
use super::{cmath, locale, raw};
use crate::database::{Value, path, unicode};

/// Name under which the scan's rewritten source finds the runtime's helper.
pub use crate::replay::scan::HELPER;

/// Host functions of `guest.js`, by the names that the real runtime gives them.
pub const GUEST_GLOBALS: [&str; 12] = [
    "__internal__contract__indexList",
    "__internal__contract__indexGet",
    "__internal__contract__oplogListPubkeys",
    "__internal__contract__oplogGetLength",
    "__internal__contract__oplogGet",
    "__internal__genUUID",
    "__internal__assert",
    "__internal__assert__deepEqual",
    "__internal__assert__equal",
    "__internal__assert__fail",
    "__internal__assert__notDeepEqual",
    "__internal__assert__notEqual",
];

/// Global names of the guest in V8 8.6, beyond what the prelude and the API define.
pub const GLOBALS: &[&str] = &[
    "AggregateError",
    "Array",
    "ArrayBuffer",
    "BigInt",
    "BigInt64Array",
    "BigUint64Array",
    "Boolean",
    "DataView",
    "Date",
    "Error",
    "EvalError",
    "FinalizationRegistry",
    "Float32Array",
    "Float64Array",
    "Infinity",
    "Int16Array",
    "Int32Array",
    "Int8Array",
    "Intl",
    "JSON",
    "Map",
    "Math",
    "NaN",
    "Number",
    "Object",
    "Promise",
    "Proxy",
    "RangeError",
    "ReferenceError",
    "Reflect",
    "RegExp",
    "Set",
    "SharedArrayBuffer",
    "String",
    "Symbol",
    "SyntaxError",
    "TypeError",
    "URIError",
    "Uint16Array",
    "Uint32Array",
    "Uint8Array",
    "Uint8ClampedArray",
    "WeakMap",
    "WeakRef",
    "WeakSet",
    "decodeURI",
    "decodeURIComponent",
    "encodeURI",
    "encodeURIComponent",
    "escape",
    "globalThis",
    "isFinite",
    "isNaN",
    "parseFloat",
    "parseInt",
    "undefined",
    "unescape",
];

/// Throws an error that the contract sees as the runtime's own.
pub fn throw(ctx: &Ctx<'_>, host: &Host, name: Option<&str>, message: &str) -> rquickjs::Error {
    host.constructing.set(host.constructing.get().saturating_add(1));
    let error = Exception::from_message(ctx.clone(), message);
    host.constructing.set(host.constructing.get().saturating_sub(1));
    match error {
        Ok(error) => {
            if let Some(name) = name {
                // A failure to set the name is the engine's exception; the text of an error decides nothing.
                let _ = error.as_object().prop("name", data(name));
            }
            error.throw()
        }
        Err(error) => error,
    }
}

/// The object that `taint.js` is called with.
pub fn taint_host<'js>(ctx: &Ctx<'js>, host: &Rc<Host>) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let on = |f: fn(&Host, &Ctx<'js>, &[Js<'js>]) -> Result<Js<'js>>| function(ctx, host, f);
    object.set(
        "engine",
        on(|host, ctx, args| {
            host.touch_engine(&text(args.first())?);
            Ok(undefined(ctx))
        })?,
    )?;
    object.set(
        "clock",
        on(|host, ctx, args| {
            host.touch(known(&text(args.first())?));
            Ok(undefined(ctx))
        })?,
    )?;
    object.set(
        "chance",
        on(|host, ctx, _| {
            host.touch("Math.random");
            Ok(undefined(ctx))
        })?,
    )?;
    object.set("now", on(|host, ctx, _| Ok(Js::new_number(ctx.clone(), host.surroundings.get().clock)))?)?;
    object.set("random", on(|host, ctx, _| Ok(Js::new_number(ctx.clone(), host.random())))?)?;
    object.set(
        "settled",
        on(|host, ctx, args| {
            if !unicode::settled(&text(args.first())?) {
                host.touch_engine("case or normal form of text newer than Unicode 13");
            }
            Ok(undefined(ctx))
        })?,
    )?;
    object.set(
        "depth",
        on(|host, ctx, args| {
            host.note_depth(nesting(&text(args.first())?));
            Ok(undefined(ctx))
        })?,
    )?;
    object.set("isProxy", on(|_, ctx, args| Ok(Js::new_bool(ctx.clone(), args.first().is_some_and(Js::is_proxy))))?)?;
    object.set("localeCompare", on(locale_compare)?)?;
    object.set(
        "hypot",
        on(|_, ctx, args| {
            let values: Vec<f64> = args.iter().map(|value| value.as_number().unwrap_or(f64::NAN)).collect();
            Ok(Js::new_number(ctx.clone(), cmath::hypot(&values)))
        })?,
    )?;
    object.set(
        "constructing",
        on(|host, ctx, args| {
            let step = args.first().and_then(Js::as_int).unwrap_or(0);
            host.constructing.set(host.constructing.get().saturating_add_signed(step));
            Ok(undefined(ctx))
        })?,
    )?;
    object.set(
        "plainMessage",
        on(|host, ctx, args| {
            let Some(error) = args.first().and_then(Js::as_object) else { return Ok(undefined(ctx)) };
            error_text(host, error)
        })?,
    )?;
    let shared = Rc::clone(host);
    object.set(
        "errorHook",
        Function::new(ctx.clone(), move |ctx: Ctx<'js>, error: Js<'js>, _: Opt<Js<'js>>| {
            error_hook(&shared, &ctx, &error)
        })?,
    )?;
    object.set("helper", HELPER)?;
    object.set("globals", GLOBALS.to_vec())?;
    Ok(object)
}

/// Reads an engine-made error's message (a touch when the guest does it, none when the host does).
fn error_text<'js>(host: &Host, error: &Object<'js>) -> Result<Js<'js>> {
    host.touch_engine("an error message of the engine's own");
    host.looking.set(true);
    let message = error.get("message");
    host.looking.set(false);
    message
}

/// Called for every error that is made. One that the contract did not make itself carries the engine's own words.
fn error_hook<'js>(host: &Rc<Host>, ctx: &Ctx<'js>, error: &Js<'js>) -> Result<Js<'js>> {
    let Some(error) = error.as_object().filter(|_| host.constructing.get() == 0) else { return no_stack(ctx) };
    let Ok(message) = error.get::<_, rquickjs::String>("message").and_then(|message| message.to_string()) else {
        return no_stack(ctx);
    };
    const LIMITS: [&str; 5] = ["call stack", "out of memory", "string length", "string too long", "too large"];
    if LIMITS.iter().any(|limit| message.contains(limit)) {
        host.engine_limit.set(true);
    }
    let reader = Rc::clone(host);
    let getter = move || {
        if !reader.looking.get() {
            reader.touch_engine("an error message of the engine's own");
        }
        message.clone()
    };
    let setter = |this: rquickjs::function::This<Object<'js>>, value: Js<'js>| {
        this.0.prop("message", rquickjs::object::Property::from(value).writable().configurable())
    };
    error.prop("message", Accessor::new(getter, setter).configurable())?;
    no_stack(ctx)
}

/// What the hook gives the engine to keep as the error's stack. Anything but `undefined`, or the hook is called again when
/// the error is thrown.
fn no_stack<'js>(ctx: &Ctx<'js>) -> Result<Js<'js>> {
    rquickjs::String::from_str(ctx.clone(), "").map(rquickjs::String::into_value)
}

/// The object that `guest.js` is called with.
pub fn guest_host<'js>(ctx: &Ctx<'js>, host: &Rc<Host>, pubkey: &str) -> Result<Object<'js>> {
    let object = Object::new(ctx.clone())?;
    let on = |f: fn(&Host, &Ctx<'js>, &[Js<'js>]) -> Result<Js<'js>>| function(ctx, host, f);
    object.set("__internal__contract__indexList", on(index_list)?)?;
    object.set("__internal__contract__indexGet", on(index_get)?)?;
    object.set("__internal__contract__oplogListPubkeys", on(|_, ctx, _| Ok(Array::new(ctx.clone())?.into_value()))?)?;
    for name in ["__internal__contract__oplogGetLength", "__internal__contract__oplogGet"] {
        object.set(
            name,
            on(|host, ctx, args| {
                host.touch("oplog");
                if clone_all(host, args).is_err() {
                    return rejected(ctx, host);
                }
                wait(ctx, host, Request::Never)
            })?,
        )?;
    }
    object.set(
        "__internal__genUUID",
        on(|host, ctx, _| {
            host.touch("genUUID");
            let mut digits =
                (0..32).map(|_| (host.random() * 16.0) as u32).map(|d| char::from_digit(d, 16).unwrap_or('0'));
            let mut group = |n: usize| digits.by_ref().take(n).collect::<String>();
            let uuid = format!("{}-{}-4{}-a{}-{}", group(8), group(4), group(3), group(3), group(12));
            rquickjs::String::from_str(ctx.clone(), &uuid).map(rquickjs::String::into_value)
        })?,
    )?;
    object.set(
        "__internal__assert",
        on(|host, ctx, args| {
            let values = clone_all(host, args)?;
            if values.first().is_some_and(truthy) {
                return Ok(undefined(ctx));
            }
            Err(failed(ctx, host, &values, 1, || match args.first() {
                None => "No value argument passed to `assert.ok()`".to_owned(),
                Some(value) => format!("{} == true", shown(value)),
            }))
        })?,
    )?;
    object.set("__internal__assert__equal", on(|host, ctx, args| equal(host, ctx, args, true))?)?;
    object.set("__internal__assert__notEqual", on(|host, ctx, args| equal(host, ctx, args, false))?)?;
    object.set("__internal__assert__deepEqual", on(|host, ctx, args| deep_equal(host, ctx, args, true))?)?;
    object.set("__internal__assert__notDeepEqual", on(|host, ctx, args| deep_equal(host, ctx, args, false))?)?;
    object.set(
        "__internal__assert__fail",
        on(|host, ctx, args| {
            let values = clone_all(host, args)?;
            Err(failed(ctx, host, &values, 0, || "Failed".to_owned()))
        })?,
    )?;
    object.set(
        "console",
        on(|host, ctx, args| {
            if clone_all(host, args).is_err() {
                return rejected(ctx, host);
            }
            wait(ctx, host, Request::Console)
        })?,
    )?;
    object.set("get", on(tx_get)?)?;
    object.set("put", on(tx_put)?)?;
    object.set("del", on(tx_delete)?)?;
    object.set("add", on(|host, ctx, args| tx_input(host, ctx, args, true))?)?;
    object.set("remove", on(|host, ctx, args| tx_input(host, ctx, args, false))?)?;
    object.set("source", on(tx_source)?)?;
    object.set("pubkey", pubkey)?;
    let around = host.surroundings.get();
    object.set("writer", around.writer)?;
    object.set("oplogPubkey", format!("{:016x}", around.seed).repeat(4))?;
    Ok(object)
}

fn function<'js>(
    ctx: &Ctx<'js>,
    host: &Rc<Host>,
    f: fn(&Host, &Ctx<'js>, &[Js<'js>]) -> Result<Js<'js>>,
) -> Result<Function<'js>> {
    let shared = Rc::clone(host);
    Function::new(ctx.clone(), move |ctx: Ctx<'js>, args: Rest<Js<'js>>| f(&shared, &ctx, &args.0))
}

fn undefined<'js>(ctx: &Ctx<'js>) -> Js<'js> {
    Js::new_undefined(ctx.clone())
}

fn text(value: Option<&Js<'_>>) -> Result<String> {
    match value {
        Some(value) => Ok(String::from_utf8_lossy(&raw::text_bytes(value)?).into_owned()),
        None => Ok(String::new()),
    }
}

/// The few names of clocks that the prelude reports.
fn known(name: &str) -> &'static str {
    match name {
        "Date()" => "Date()",
        "new Date()" => "new Date()",
        _ => "Date.now",
    }
}

/// Deepest nesting of brackets in JSON text; strings are skipped.
fn nesting(text: &str) -> usize {
    let (mut depth, mut deepest, mut quoted, mut escaped) = (0_usize, 0, false, false);
    for byte in text.bytes() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if quoted => escaped = true,
            b'"' => quoted = !quoted,
            b'[' | b'{' if !quoted => {
                depth = depth.saturating_add(1);
                deepest = deepest.max(depth);
            }
            b']' | b'}' if !quoted => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    deepest
}

fn locale_compare<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let (a, b) = (text(args.first())?, text(args.get(1))?);
    host.taint.borrow_mut().locale = true;
    let ignorable = |text: &str| text.bytes().any(|b| matches!(b, 0..=8 | 14..=31 | 127));
    if a != b && (ignorable(&a) || ignorable(&b)) {
        host.touch_engine("the order of text with control characters");
    }
    if a != b && (unicode::order_is_contested(&a) || unicode::order_is_contested(&b)) {
        host.touch_engine("the order of characters that engines sort differently");
    }
    let order = locale::compare(host.surroundings.get().locale, &a, &b);
    Ok(Js::new_int(ctx.clone(), order as i32))
}

fn clone_all<'js>(host: &Host, args: &[Js<'js>]) -> Result<Vec<Cloned>> {
    args.iter().map(|arg| clone::clone_out(host, arg)).collect()
}

/// The promise of a host call whose arguments could not be cloned: rejected, not thrown.
fn rejected<'js>(ctx: &Ctx<'js>, host: &Host) -> Result<Js<'js>> {
    let reason = ctx.catch();
    // An error that never passes through the guest's code on its way is not shown to the hook by the engine.
    clone::restore(host, ctx, |probes| &probes.mark)?.call::<_, Js>((reason.clone(),))?;
    let (promise, _, reject) = ctx.promise()?;
    reject.call::<_, ()>((reason,))?;
    Ok(promise.into_value())
}

/// Queues a host call and gives the promise of its answer.
fn wait<'js>(ctx: &Ctx<'js>, host: &Host, request: Request) -> Result<Js<'js>> {
    let (promise, resolve, _) = ctx.promise()?;
    let mut pending = host.pending.borrow_mut();
    if pending.len() as u64 >= host.jobs.get() {
        host.exhaust(Exhausted::Jobs);
    } else {
        pending.push_back(Pending { request, resolve: Persistent::save(ctx, resolve) });
    }
    Ok(promise.into_value())
}

fn index_get<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let Ok(values) = clone_all(host, args) else { return rejected(ctx, host) };
    let request = match values.get(1).map(|cloned| &cloned.value) {
        Some(Value::Str(key)) => Request::Get(path::key(key)),
        _ => Request::Never,
    };
    wait(ctx, host, request)
}

fn index_list<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let Ok(values) = clone_all(host, args) else { return rejected(ctx, host) };
    let prefix = match values.get(1).map(|cloned| &cloned.value) {
        None | Some(Value::Undefined) => "/".into(),
        Some(Value::Str(prefix)) => prefix.clone(),
        Some(_) => return wait(ctx, host, Request::Never),
    };
    let options = values.get(2).map(|cloned| &cloned.value);
    let option = |name: &str| options.and_then(|options| options.field(name)).unwrap_or(&Value::Undefined);
    let number = |name: &str| match option(name) {
        Value::Num(n) if *n >= 1.0 && n.fract() == 0.0 => *n as u64,
        Value::Num(n) if *n == 0.0 || n.is_nan() => 0,
        other if !truthy_value(other) => 0,
        _ => {
            host.touch_engine("odd options of index.list");
            0
        }
    };
    let (offset, limit) = (number("offset"), number("limit"));
    wait(ctx, host, Request::List(ListRequest { prefix, reverse: truthy_value(option("reverse")), offset, limit }))
}

fn truthy(cloned: &Cloned) -> bool {
    truthy_value(&cloned.value)
}

fn truthy_value(value: &Value) -> bool {
    match value {
        Value::Undefined | Value::Null => false,
        Value::Bool(b) => *b,
        Value::Num(n) => *n != 0.0 && !n.is_nan(),
        Value::BigInt(n) => *n != 0,
        Value::Str(text) => !text.is_empty(),
        _ => true,
    }
}

fn shown(value: &Js<'_>) -> String {
    match text(Some(value)) {
        Ok(text) if value.is_string() => format!("'{text}'"),
        Ok(text) if !value.is_object() => text,
        _ => "[object]".to_owned(),
    }
}

/// The error of a failed assertion. Its own words are the assertion library's, which no contract should rest on.
fn failed(ctx: &Ctx<'_>, host: &Host, values: &[Cloned], at: usize, words: impl FnOnce() -> String) -> rquickjs::Error {
    match values.get(at).map(|cloned| &cloned.value) {
        Some(Value::Str(message)) => throw(ctx, host, Some("AssertionError"), message),
        Some(Value::Num(number)) if number.fract() == 0.0 && number.abs() < 1e15 => {
            throw(ctx, host, Some("AssertionError"), &format!("{number:.0}"))
        }
        // A cloned error arrives as its name and message.
        Some(Value::Array(parts)) if parts.len() >= 2 => {
            throw(ctx, host, None, parts.get(1).and_then(Value::as_str).unwrap_or_default())
        }
        _ => throw(ctx, host, Some("AssertionError"), &words()),
    }
}

fn equal<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>], want: bool) -> Result<Js<'js>> {
    let values = clone_all(host, args)?;
    let missing = undefined(ctx);
    let (a, b) = (args.first().unwrap_or(&missing), args.get(1).unwrap_or(&missing));
    if args.len() < 2 {
        return Err(failed(ctx, host, &values, 2, || {
            "The \"actual\" and \"expected\" arguments must be specified".to_owned()
        }));
    }
    let same = match (a.as_number(), b.as_number()) {
        (Some(a), Some(b)) => a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()),
        // Two clones are never the same object.
        _ if a.is_object() || b.is_object() => false,
        _ => match (values.first(), values.get(1)) {
            (Some(a), Some(b)) => inside(&a.value, &b.value),
            _ => a.is_undefined() && b.is_undefined(),
        },
    };
    if same == want {
        return Ok(undefined(ctx));
    }
    Err(failed(ctx, host, &values, 2, || {
        let (sign, not) = if want { ("!==", "") } else { ("===", " not") };
        format!("Expected values{not} to be strictly equal:\n\n{} {sign} {}\n", shown(a), shown(b))
    }))
}

fn inside(a: &Value, b: &Value) -> bool {
    Value::Array(vec![a.clone()]).same(&Value::Array(vec![b.clone()]))
}

fn deep_equal<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>], want: bool) -> Result<Js<'js>> {
    let values = clone_all(host, args)?;
    if values.len() < 2 {
        return Err(failed(ctx, host, &values, 2, || {
            "The \"actual\" and \"expected\" arguments must be specified".to_owned()
        }));
    }
    if values.iter().take(2).any(|cloned| !cloned.faithful) {
        host.touch_engine("deepEqual of values that are not plain data");
    }
    let at = |at: usize| values.get(at).map_or(Value::Undefined, |cloned| cloned.value.clone());
    if inside(&at(0), &at(1)) == want {
        return Ok(undefined(ctx));
    }
    Err(failed(ctx, host, &values, 2, || "Expected values to be strictly deep-equal".to_owned()))
}

/// Is `id` the running operation's? An older `tx` object writes into the queue of an operation that is over.
fn current(host: &Host, args: &[Js<'_>]) -> bool {
    args.first().and_then(Js::as_number) == Some(f64::from(host.generation.get()))
}

fn key_argument(values: &[Cloned]) -> std::result::Result<&str, &'static str> {
    match values.first().map(|cloned| &cloned.value) {
        Some(Value::Str(key)) => Ok(key),
        _ => Err("A key string parameter must be supplied"),
    }
}

fn tx_arguments<'js>(host: &Host, args: &[Js<'js>]) -> Result<Vec<Cloned>> {
    clone_all(host, args.get(1..).unwrap_or_default())
}

fn tx_get<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    if !current(host, args) {
        host.touch_engine("a tx object of an earlier operation");
    }
    let found = key_argument(&values).and_then(|key| host.queue.borrow().get(key));
    match found {
        Ok(None) => Ok(undefined(ctx)),
        Ok(Some((value, certain))) => {
            if !certain {
                host.touch_engine("tx.get of a value that is not plain data");
            }
            clone::clone_in(ctx, host, &value)
        }
        Err(refusal) => Err(throw(ctx, host, Some("AssertionError"), refusal)),
    }
}

fn tx_put<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let mut values = tx_arguments(host, args)?;
    let value = if values.len() > 1 {
        values.swap_remove(1)
    } else {
        Cloned { value: Value::Undefined, faithful: true, unpackable: None }
    };
    settle(
        ctx,
        host,
        key_argument(&values).and_then(|key| {
            if current(host, args) {
                host.queue.borrow_mut().put(key, value)
            } else {
                super::tx::normalize(key).map(drop)
            }
        }),
    )
}

fn tx_delete<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    settle(
        ctx,
        host,
        key_argument(&values).and_then(|key| {
            if current(host, args) { host.queue.borrow_mut().delete(key) } else { super::tx::normalize(key).map(drop) }
        }),
    )
}

fn tx_input<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>], active: bool) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    let pubkey = values.first().and_then(|opts| opts.value.field("pubkey")).and_then(Value::as_str);
    let pubkey = pubkey.filter(|key| crate::database::ack::is_key_hex(key.as_bytes()));
    settle(
        ctx,
        host,
        match (pubkey, active) {
            (Some(pubkey), _) => {
                if current(host, args) {
                    host.queue.borrow_mut().input(pubkey, active);
                }
                Ok(())
            }
            (None, true) => Err("Must pass a valid {pubkey} string to addOplog"),
            (None, false) => Err("Must pass a valid {pubkey} string to removeOplog"),
        },
    )
}

fn tx_source<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>]) -> Result<Js<'js>> {
    let values = tx_arguments(host, args)?;
    let code = values.first().and_then(|opts| opts.value.field("code")).and_then(Value::as_str);
    settle(
        ctx,
        host,
        match code {
            Some(code) => {
                if current(host, args) {
                    host.queue.borrow_mut().source(code);
                }
                Ok(())
            }
            None => Err("Must pass a valid {code} string to setContractSource"),
        },
    )
}

fn settle<'js>(ctx: &Ctx<'js>, host: &Host, result: std::result::Result<(), &'static str>) -> Result<Js<'js>> {
    match result {
        Ok(()) => Ok(undefined(ctx)),
        Err(refusal) => Err(throw(ctx, host, Some("AssertionError"), refusal)),
    }
}
