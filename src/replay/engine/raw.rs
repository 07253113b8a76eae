//! The few engine calls that rquickjs does not offer, each wrapped safely.
//!
//! Everything unsafe about the engine is in this file and in [`super::alloc`].
#![allow(unsafe_code, reason = "calls into QuickJS's C interface; each call has its proof beside it")]

use rquickjs::{Ctx, Value, qjs};

/// What kind of object a value is: QuickJS-ng 0.16's own numbering (pinned by a test below).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// A plain object, or an instance of a contract's class.
    Plain,
    /// An array.
    Array,
    /// An error.
    Error,
    /// A `Number`, `String`, `Boolean`, `Symbol` or `BigInt` object.
    Boxed,
    /// A date.
    Date,
    /// A regular expression.
    RegExp,
    /// An `ArrayBuffer`.
    ArrayBuffer,
    /// A `Uint8Array`.
    Uint8Array,
    /// Any other view of a buffer, `DataView` included.
    OtherView,
    /// A map.
    Map,
    /// A set.
    Set,
    /// Anything that structured clone refuses.
    Other,
}

/// The class of an object (of [`Class::Other`] when `value` is none).
pub fn class_of(value: &Value<'_>) -> Class {
    if !value.is_object() {
        return Class::Other;
    }
    // SAFETY: JS_GetClassID only reads the header of the object that `value` keeps alive.
    match unsafe { qjs::JS_GetClassID(value.as_raw()) } {
        1 => Class::Plain,
        2 => Class::Array,
        3 => Class::Error,
        4..=7 | 35 => Class::Boxed,
        10 => Class::Date,
        19 => Class::RegExp,
        20 => Class::ArrayBuffer,
        24 => Class::Uint8Array,
        22 | 23 | 25..=34 => Class::OtherView,
        36 => Class::Map,
        37 => Class::Set,
        _ => Class::Other,
    }
}

/// Text of a string (or of a number, BigInt) as bytes: UTF-8, with unpaired surrogates as three bytes each (WTF-8).
///
/// # Errors
/// The engine's exception is pending when it could not (out of memory).
pub fn text_bytes(value: &Value<'_>) -> rquickjs::Result<Vec<u8>> {
    let ctx = value.ctx();
    let mut len = 0;
    // SAFETY: `ctx` is the live context of `value`; the pointer is read for exactly `len` bytes and freed once.
    unsafe {
        let text = qjs::JS_ToCStringLen(ctx.as_raw().as_ptr(), &mut len, value.as_raw());
        if text.is_null() {
            return Err(rquickjs::Error::Exception);
        }
        let bytes = std::slice::from_raw_parts(text.cast::<u8>(), len).to_vec();
        qjs::JS_FreeCString(ctx.as_raw().as_ptr(), text);
        Ok(bytes)
    }
}

/// A copy of the bytes that a `Uint8Array` shows; empty when its buffer is detached.
pub fn view_bytes(view: &rquickjs::TypedArray<'_, u8>) -> Vec<u8> {
    // SAFETY: the slice is the live view's own memory; it is copied before anything else can run.
    view.as_raw().map_or_else(Vec::new, |bytes| unsafe { bytes.as_ref() }.to_vec())
}

/// Sets the stack limit of the context's runtime, in bytes, counted from where the runtime was made.
pub fn set_stack_limit(ctx: &Ctx<'_>, bytes: u32) {
    // SAFETY: both calls take the live runtime of `ctx`; the limit is a plain number. The caller's thread has more
    // stack than this (see `Realm`'s header).
    unsafe {
        let runtime = qjs::JS_GetRuntime(ctx.as_raw().as_ptr());
        qjs::JS_SetMaxStackSize(runtime, bytes as _);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The class numbers belong to one exact version of the engine.
    #[test]
    fn class_numbers_are_those_of_this_engine() {
        let runtime = rquickjs::Runtime::new().unwrap();
        rquickjs::Context::full(&runtime).unwrap().with(|ctx| {
            for (source, class) in [
                ("({})", Class::Plain),
                ("new (class A {})", Class::Plain),
                ("[]", Class::Array),
                ("new RangeError('x')", Class::Error),
                ("Object(1)", Class::Boxed),
                ("Object('s')", Class::Boxed),
                ("Object(true)", Class::Boxed),
                ("Object(Symbol())", Class::Boxed),
                ("Object(1n)", Class::Boxed),
                ("new Date", Class::Date),
                ("/x/", Class::RegExp),
                ("new ArrayBuffer(1)", Class::ArrayBuffer),
                ("new SharedArrayBuffer(1)", Class::Other),
                ("new Uint8Array(1)", Class::Uint8Array),
                ("new Int8Array(1)", Class::OtherView),
                ("new Uint8ClampedArray(1)", Class::OtherView),
                ("new Float64Array(1)", Class::OtherView),
                ("new BigInt64Array(1)", Class::OtherView),
                ("new DataView(new ArrayBuffer(1))", Class::OtherView),
                ("new Map", Class::Map),
                ("new Set", Class::Set),
                ("new WeakMap", Class::Other),
                ("new Proxy({}, {})", Class::Other),
                ("Promise.resolve()", Class::Other),
                ("(function () { return arguments })()", Class::Other),
                ("(function* () {})()", Class::Other),
                ("new Map().entries()", Class::Other),
                ("(() => 1)", Class::Other),
                ("new WeakRef({})", Class::Other),
            ] {
                let value: Value = ctx.eval(source).unwrap();
                assert_eq!(class_of(&value), class, "{source}");
            }
            let lone: Value = ctx.eval("'a\\ud800b'").unwrap();
            assert_eq!(text_bytes(&lone).unwrap(), b"a\xed\xa0\x80b");
        });
    }
}
