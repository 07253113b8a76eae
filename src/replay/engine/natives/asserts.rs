//! The runtime's assertions.

use rquickjs::{Ctx, Result, Value as Js};

use super::{clone_all, text, throw, undefined};
use crate::database::Value;
use crate::replay::engine::clone::Cloned;
use crate::replay::engine::host::Host;

pub(super) fn truthy(cloned: &Cloned) -> bool {
    truthy_value(&cloned.value)
}

pub(super) fn truthy_value(value: &Value) -> bool {
    match value {
        Value::Undefined | Value::Null => false,
        Value::Bool(b) => *b,
        Value::Num(n) => *n != 0.0 && !n.is_nan(),
        Value::BigInt(n) => *n != 0,
        Value::Str(text) => !text.is_empty(),
        _ => true,
    }
}

pub(super) fn shown(value: &Js<'_>) -> String {
    match text(Some(value)) {
        Ok(text) if value.is_string() => format!("'{text}'"),
        Ok(text) if !value.is_object() => text,
        _ => "[object]".to_owned(),
    }
}

/// The error of a failed assertion. Its own words are the assertion library's, which no contract should rest on.
pub(super) fn failed(
    ctx: &Ctx<'_>,
    host: &Host,
    values: &[Cloned],
    at: usize,
    words: impl FnOnce() -> String,
) -> rquickjs::Error {
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

pub(super) fn equal<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>], want: bool) -> Result<Js<'js>> {
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

pub(super) fn inside(a: &Value, b: &Value) -> bool {
    Value::Array(vec![a.clone()]).same(&Value::Array(vec![b.clone()]))
}

pub(super) fn deep_equal<'js>(host: &Host, ctx: &Ctx<'js>, args: &[Js<'js>], want: bool) -> Result<Js<'js>> {
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
