//! What the prelude is made of: `taint.js` notes what it wraps, and asks for what the engine lacks.

use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::object::Accessor;
use rquickjs::{Ctx, Function, Object, Result, Value as Js};

use super::names::{GLOBALS, HELPER};
use super::{function, text, undefined};
use crate::database::unicode;
use crate::replay::engine::host::Host;
use crate::replay::engine::{cmath, locale};

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
