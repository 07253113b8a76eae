//! The few engine calls that rquickjs does not offer, each wrapped safely.
//!
//! Everything unsafe about the engine is in this file and in [`super::alloc`].
#![allow(unsafe_code, reason = "calls into QuickJS's C interface; each call has its proof beside it")]

use rquickjs::{Ctx, Object, Value, qjs};

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

/// The value of an own data property of an ordinary object; `None` when there is none of that name, or an accessor.
///
/// # Errors
/// The engine's exception is pending when it could not look (out of memory).
pub fn own_data<'js>(object: &Object<'js>, name: &str) -> rquickjs::Result<Option<Value<'js>>> {
    let ctx = object.ctx();
    let context = ctx.as_raw().as_ptr();
    let nothing = || Value::new_undefined(ctx.clone()).as_raw();
    let mut found = qjs::JSPropertyDescriptor { flags: 0, value: nothing(), getter: nothing(), setter: nothing() };
    // SAFETY: context and object are alive; the name is read for exactly its length; the atom is freed once, after its
    // only use.
    let answer = unsafe {
        let atom = qjs::JS_NewAtomLen(context, name.as_ptr().cast(), name.len() as _);
        if atom == qjs::JS_ATOM_NULL {
            return Err(rquickjs::Error::Exception);
        }
        let answer = qjs::JS_GetOwnProperty(context, &mut found, object.as_raw(), atom);
        qjs::JS_FreeAtom(context, atom);
        answer
    };
    match answer {
        0 => return Ok(None),
        1 => {}
        _ => return Err(rquickjs::Error::Exception),
    }
    // SAFETY: an answer of 1 hands three values over to the caller: each is wrapped once, and freed by its wrapper.
    let [value, _getter, _setter] =
        [found.value, found.getter, found.setter].map(|raw| unsafe { Value::from_raw(ctx.clone(), raw) });
    Ok((found.flags & qjs::JS_PROP_GETSET as i32 == 0).then_some(value))
}

/// Has an object a property of its own with this name, of any kind?
///
/// # Errors
/// The engine's exception is pending when it could not look (out of memory).
pub fn has_own(object: &Object<'_>, name: &str) -> rquickjs::Result<bool> {
    let context = object.ctx().as_raw().as_ptr();
    // SAFETY: context and object are alive; the name is read for exactly its length; without a descriptor to fill the call
    // only looks; the atom is freed once, after its only use.
    let answer = unsafe {
        let atom = qjs::JS_NewAtomLen(context, name.as_ptr().cast(), name.len() as _);
        if atom == qjs::JS_ATOM_NULL {
            return Err(rquickjs::Error::Exception);
        }
        let answer = qjs::JS_GetOwnProperty(context, std::ptr::null_mut(), object.as_raw(), atom);
        qjs::JS_FreeAtom(context, atom);
        answer
    };
    if answer < 0 { Err(rquickjs::Error::Exception) } else { Ok(answer > 0) }
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
            let object: Object = ctx.eval("({ a: [1], get b () { throw 1 } })").unwrap();
            for _ in 0..2 {
                assert!(own_data(&object, "a").unwrap().is_some_and(|value| value.is_array()));
                assert!(own_data(&object, "b").unwrap().is_none(), "an accessor is not run");
                assert!(own_data(&object, "toString").unwrap().is_none(), "inherited");
                assert!(has_own(&object, "a").unwrap() && has_own(&object, "b").unwrap());
                assert!(!has_own(&object, "toString").unwrap(), "inherited");
            }
            let lone: Value = ctx.eval("'a\\ud800b'").unwrap();
            assert_eq!(text_bytes(&lone).unwrap(), b"a\xed\xa0\x80b");
        });
    }
}
