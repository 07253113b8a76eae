//! Values that leave the guest: V8's structured clone, followed by what msgpackr makes of it.
//!
//! The result is what a reader of the index will see ([`Value`]); what the journey through the clone alone would have
//! kept (maps, sets, errors, `-0`) is only remembered as a flag. Measured rules: `docs/engine.md`, "The boundary".

use rquickjs::{
    Array, Atom, BigInt, Ctx, Exception, Filter, Function, Object, Persistent, Type, Value as Js,
    object::ObjectKeysIter,
};

use super::host::{Dialect, Host};
use super::raw::{self, Class};
use crate::database::{Value, msgpackr, unicode};

/// Depth at which V8's clone gives up; beyond an eighth of it an outcome is near the limit.
const MAX_DEPTH: usize = 4_000;

/// A value that crossed the boundary.
#[derive(Clone, Debug)]
pub struct Cloned {
    /// As the index stores it.
    pub value: Value,
    /// Does a guest that reads the clone back (`tx.get`) see exactly `value`?
    pub faithful: bool,
    /// Why msgpackr cannot pack this clone, which fails the operation.
    pub unpackable: Option<&'static str>,
}

/// A function of the prelude.
pub type Probe = Persistent<Function<'static>>;

/// Functions of the prelude that look into objects with the intrinsics of a fresh realm.
#[derive(Clone)]
pub struct Probes {
    /// `date => milliseconds`.
    pub date: Probe,
    /// `regexp => [source, flags]`.
    pub regexp: Probe,
    /// `map => [key, value, key, value, …]`; `set => [item, …]`.
    pub items: Probe,
    /// `buffer => Uint8Array` over it; a view is returned as it is.
    pub bytes: Probe,
    /// `view => Uint8Array` with what msgpackr 1.9 and later write of a view that is no `Uint8Array`.
    pub other_view: Probe,
    /// `error => [name, message]` as V8's clone takes them.
    pub error: Probe,
    /// `object => primitive` inside a boxed value, wrapped in an array.
    pub unboxed: Probe,
    /// `(object, name) => [value]` of an own data property, `[]` of an accessor, `undefined` when there is none.
    pub own: Probe,
    /// `error => …`: notes that the error's words are the engine's own.
    pub mark: Probe,
    /// `milliseconds => date`.
    pub make_date: Probe,
    /// `error => [name, message, is the message the contract's own]`.
    pub thrown: Probe,
}

/// A function of the prelude, ready to be called.
///
/// # Errors
/// A pending exception while the prelude itself is still being loaded.
pub fn restore<'js>(host: &Host, ctx: &Ctx<'js>, which: fn(&Probes) -> &Probe) -> rquickjs::Result<Function<'js>> {
    match host.probes.borrow().as_ref() {
        Some(probes) => which(probes).clone().restore(ctx),
        None => Err(Exception::throw_internal(ctx, "the prelude is not loaded")),
    }
}

/// Clones a value out of the guest.
///
/// # Errors
/// A pending exception: `… could not be cloned.`, what a getter threw, or out of memory.
pub fn clone_out(host: &Host, value: &Js<'_>) -> rquickjs::Result<Cloned> {
    let mut cloner = Cloner { host, ancestors: Vec::new(), faithful: true, unpackable: None };
    let value = cloner.value(value)?;
    Ok(Cloned { value, faithful: cloner.faithful, unpackable: cloner.unpackable })
}

struct Cloner<'a, 'js> {
    host: &'a Host,
    ancestors: Vec<Js<'js>>,
    faithful: bool,
    unpackable: Option<&'static str>,
}

impl<'js> Cloner<'_, 'js> {
    fn value(&mut self, value: &Js<'js>) -> rquickjs::Result<Value> {
        self.host.spend_output(24);
        if self.host.exhausted.get().is_some() {
            return Err(Exception::throw_internal(value.ctx(), "budget exhausted"));
        }
        match value.type_of() {
            Type::Undefined | Type::Uninitialized => Ok(Value::Undefined),
            Type::Null => Ok(Value::Null),
            Type::Bool => Ok(Value::Bool(value.as_bool().unwrap_or_default())),
            Type::Int | Type::Float => {
                let n = value.as_number().unwrap_or(f64::NAN);
                self.faithful &= !(n == 0.0 && n.is_sign_negative());
                Ok(Value::num(n))
            }
            Type::String => self.text(value),
            Type::BigInt => self.big_int(value),
            Type::Symbol => Err(refuse(value.ctx(), "a Symbol")),
            _ => self.object(value),
        }
    }

    fn text(&mut self, value: &Js<'js>) -> rquickjs::Result<Value> {
        let bytes = raw::text_bytes(value)?;
        self.host.spend_output(bytes.len());
        Ok(Value::Str(self.well_formed(bytes)))
    }

    /// Text as it arrives. One with an unpaired surrogate arrives otherwise where msgpackr lacks its add-on, and two of them can
    /// become one.
    fn well_formed(&mut self, wtf8: Vec<u8>) -> Box<str> {
        match String::from_utf8(wtf8) {
            Ok(text) => {
                if msgpackr::begins_with_mark(&text) {
                    self.host.touch_engine("text that begins with a byte order mark");
                }
                text.into()
            }
            Err(bytes) => {
                self.faithful = false;
                self.host.touch_engine("text with an unpaired surrogate");
                msgpackr::packed_text(bytes.as_bytes()).into()
            }
        }
    }

    fn date(&mut self, ms: f64) -> Value {
        if !msgpackr::is_changed_by_1_5(ms) {
            return Value::Date(ms + 0.0);
        }
        self.faithful = false;
        self.host.taint.borrow_mut().dialect = true;
        Value::Date(match self.host.surroundings.get().dialect {
            Dialect::New => ms,
            Dialect::Old => msgpackr::packed_by_1_5(ms),
        })
    }

    /// An object as it arrives, with what its own keys may do to it noted.
    fn packed_object(&mut self, pairs: Vec<(Box<str>, Value)>) -> Value {
        if pairs.iter().any(|(key, _)| msgpackr::is_meddling(key)) {
            self.faithful = false;
            self.host.touch_engine("an own key that msgpackr looks at");
        }
        let object = Value::object(pairs);
        if matches!(&object, Value::Object(pairs) if pairs.len() > msgpackr::MOST_KEYS) {
            self.host.touch_engine("an object of more than 65,535 keys");
        }
        object
    }

    fn big_int(&mut self, value: &Js<'js>) -> rquickjs::Result<Value> {
        let text = raw::text_bytes(value)?;
        let number = std::str::from_utf8(&text).ok().and_then(|text| text.parse::<i128>().ok());
        match number.filter(|n| (i128::from(i64::MIN)..=i128::from(u64::MAX)).contains(n)) {
            Some(number) => Ok(Value::BigInt(number)),
            None => {
                self.unpackable = Some("a BigInt of more than 64 bits");
                Ok(Value::BigInt(0))
            }
        }
    }

    fn object(&mut self, value: &Js<'js>) -> rquickjs::Result<Value> {
        let class = raw::class_of(value);
        let Some(object) = value.as_object().filter(|_| class != Class::Other) else {
            return Err(refuse(value.ctx(), value.type_name()));
        };
        let depth = self.ancestors.len();
        self.host.note_depth(depth.saturating_add(1));
        if depth >= MAX_DEPTH {
            return Err(Exception::throw_range(value.ctx(), "Maximum call stack size exceeded"));
        }
        if self.ancestors.iter().any(|ancestor| ancestor == value) {
            // The clone keeps the cycle; packing it overflows the stack.
            self.unpackable = Some("a cyclic value");
            return Ok(Value::Undefined);
        }
        self.ancestors.push(value.clone());
        let result = self.contents(class, object);
        self.ancestors.pop();
        result
    }

    fn contents(&mut self, class: Class, object: &Object<'js>) -> rquickjs::Result<Value> {
        let ctx = object.ctx().clone();
        match class {
            Class::Plain => self.plain(object),
            Class::Array => self.array(object),
            Class::Date => {
                let ms = self.probe(&ctx, |probes| &probes.date, object)?;
                Ok(self.date(ms))
            }
            Class::Uint8Array | Class::ArrayBuffer => {
                // A `Uint8Array` stays one in the clone, a buffer does not come back as bytes.
                self.faithful = false;
                self.bytes(&ctx, object)
            }
            Class::OtherView => {
                self.faithful = false;
                self.host.touch_engine("a typed array other than Uint8Array as a value");
                let view: rquickjs::TypedArray<u8> = self.probe(&ctx, |probes| &probes.other_view, object)?;
                Ok(Value::Bytes(raw::view_bytes(&view).into()))
            }
            Class::RegExp => {
                self.faithful = false;
                let parts: Js = self.probe(&ctx, |probes| &probes.regexp, object)?;
                self.value(&parts)
            }
            Class::Error => {
                self.faithful = false;
                let parts: Array = self.probe(&ctx, |probes| &probes.error, object)?;
                let mut items = vec![self.value(&parts.get::<Js>(0)?)?, self.value(&parts.get::<Js>(1)?)?];
                self.host.taint.borrow_mut().dialect = true;
                if self.host.surroundings.get().dialect == Dialect::New {
                    items.push(Value::Undefined);
                }
                Ok(Value::Array(items))
            }
            Class::Set => {
                self.faithful = false;
                let items: Js = self.probe(&ctx, |probes| &probes.items, object)?;
                self.value(&items)
            }
            Class::Map => {
                self.faithful = false;
                self.map(&ctx, object)
            }
            Class::Boxed => {
                self.faithful = false;
                self.boxed(&ctx, object)
            }
            Class::Other => Err(refuse(&ctx, "an object")),
        }
    }

    fn probe<T: rquickjs::FromJs<'js>>(
        &self,
        ctx: &Ctx<'js>,
        which: fn(&Probes) -> &Probe,
        object: &Object<'js>,
    ) -> rquickjs::Result<T> {
        restore(self.host, ctx, which)?.call((object.clone(),))
    }

    fn plain(&mut self, object: &Object<'js>) -> rquickjs::Result<Value> {
        let keys: ObjectKeysIter<'js, Atom<'js>> = object.own_keys(Filter::new().string().enum_only());
        let mut pairs = Vec::with_capacity(keys.len());
        let mut prototype = None;
        for key in keys {
            let key = key?;
            let name = self.well_formed(raw::text_bytes(&key.to_value()?)?);
            self.host.spend_output(name.len());
            let value: Js = object.get(key.clone())?;
            if value.is_undefined() && !object.contains_key(key)? {
                // A getter that ran before took it away.
                continue;
            }
            let value = self.value(&value)?;
            if &*name == "__proto__" {
                self.faithful = false;
                self.host.taint.borrow_mut().dialect = true;
                if matches!(value, Value::Null | Value::Array(_) | Value::Bytes(_) | Value::Date(_)) {
                    // To 1.5 the object is then an array, bytes or a date itself, or inherits nothing.
                    self.host.touch_engine("an own key that msgpackr looks at");
                }
                match self.host.surroundings.get().dialect {
                    Dialect::New => pairs.push(("__proto_".into(), value)),
                    Dialect::Old => prototype = Some(value),
                }
                continue;
            }
            pairs.push((name, value));
        }
        // msgpackr 1.5 set the prototype on reading, and wrote inherited properties out again.
        if let Some(Value::Object(inherited)) = prototype {
            for (key, value) in inherited {
                if !pairs.iter().any(|(known, _)| *known == key) {
                    pairs.push((key, value));
                }
            }
        }
        Ok(self.packed_object(pairs))
    }

    fn array(&mut self, object: &Object<'js>) -> rquickjs::Result<Value> {
        let Some(array) = object.as_array() else { return Ok(Value::Array(Vec::new())) };
        if raw::has_own(object, "constructor")? {
            self.faithful = false;
            self.host.touch_engine("an own key that msgpackr looks at");
        }
        let length = array.len();
        self.host.spend_output(length.saturating_mul(8));
        let mut items = Vec::new();
        for index in 0..length {
            let item: Js = array.get(index)?;
            items.push(self.value(&item)?);
        }
        Ok(Value::Array(items))
    }

    fn bytes(&mut self, ctx: &Ctx<'js>, object: &Object<'js>) -> rquickjs::Result<Value> {
        let view: rquickjs::TypedArray<u8> = self.probe(ctx, |probes| &probes.bytes, object)?;
        self.host.spend_output(view.len());
        Ok(Value::Bytes(raw::view_bytes(&view).into()))
    }

    fn map(&mut self, ctx: &Ctx<'js>, object: &Object<'js>) -> rquickjs::Result<Value> {
        let items: Array = self.probe(ctx, |probes| &probes.items, object)?;
        let mut pairs = Vec::new();
        for at in (0..items.len()).step_by(2) {
            let key = match self.value(&items.get::<Js>(at)?)? {
                Value::Str(key) => key,
                Value::Num(n) if n.fract() == 0.0 && n.abs() < 1e15 => format!("{n:.0}").into(),
                Value::Bool(key) => key.to_string().into(),
                Value::Null => "null".into(),
                Value::Undefined => "undefined".into(),
                _ => {
                    self.host.touch_engine("a Map with keys that are no strings");
                    "[object Object]".into()
                }
            };
            pairs.push((key, self.value(&items.get::<Js>(at.saturating_add(1))?)?));
        }
        Ok(self.packed_object(pairs))
    }

    fn boxed(&mut self, ctx: &Ctx<'js>, object: &Object<'js>) -> rquickjs::Result<Value> {
        let inner: Array = self.probe(ctx, |probes| &probes.unboxed, object)?;
        let inner: Js = inner.get(0)?;
        if inner.is_symbol() {
            return Err(refuse(ctx, "a Symbol object"));
        }
        let text = inner.is_string().then(|| self.text(&inner)).transpose()?;
        Ok(match text {
            Some(Value::Str(text)) => {
                if text.chars().any(|c| c.len_utf16() > 1) {
                    self.host.touch_engine("text with an unpaired surrogate");
                }
                // Each code unit is a string of its own, and the halves of a pair are alone there.
                let unit = |unit| String::from_utf16(&[unit]).unwrap_or_else(|_| msgpackr::SHORT_SURROGATE.into());
                let pair = |(at, code): (usize, u16)| (at.to_string().into(), Value::str(unit(code)));
                self.packed_object(text.encode_utf16().enumerate().map(pair).collect())
            }
            _ => Value::object(Vec::new()),
        })
    }
}

fn refuse(ctx: &Ctx<'_>, what: &str) -> rquickjs::Error {
    Exception::throw_type(ctx, &format!("{what} could not be cloned."))
}

/// Brings a value into the guest, as a structured clone of what msgpackr unpacked.
///
/// # Errors
/// A pending exception (out of memory, or a nesting that the engine refuses).
pub fn clone_in<'js>(ctx: &Ctx<'js>, host: &Host, value: &Value) -> rquickjs::Result<Js<'js>> {
    into_guest(ctx, host, value, 0)
}

fn into_guest<'js>(ctx: &Ctx<'js>, host: &Host, value: &Value, depth: usize) -> rquickjs::Result<Js<'js>> {
    host.note_depth(depth);
    let deeper = depth.saturating_add(1);
    Ok(match value {
        Value::Undefined => Js::new_undefined(ctx.clone()),
        Value::Null => Js::new_null(ctx.clone()),
        Value::Bool(b) => Js::new_bool(ctx.clone(), *b),
        Value::Num(n) => Js::new_number(ctx.clone(), *n),
        Value::BigInt(n) => match (i64::try_from(*n), u64::try_from(*n)) {
            (Ok(n), _) => BigInt::from_i64(ctx.clone(), n)?.into_value(),
            (_, Ok(n)) => BigInt::from_u64(ctx.clone(), n)?.into_value(),
            _ => Js::new_undefined(ctx.clone()),
        },
        Value::Str(text) => {
            if !unicode::settled(text) {
                host.touch_engine("text newer than Unicode 13");
            }
            rquickjs::String::from_str(ctx.clone(), text)?.into_value()
        }
        Value::Bytes(bytes) => rquickjs::TypedArray::<u8>::new_copy(ctx.clone(), bytes)?.into_value(),
        Value::Date(ms) => restore(host, ctx, |probes| &probes.make_date)?.call((*ms,))?,
        Value::Array(items) => {
            let array = Array::new(ctx.clone())?;
            for (at, item) in items.iter().enumerate() {
                let item = into_guest(ctx, host, item, deeper)?;
                array.as_object().prop(u32::try_from(at).unwrap_or(u32::MAX), data(item))?;
            }
            array.into_value()
        }
        Value::Object(pairs) => {
            let object = Object::new(ctx.clone())?;
            for (key, item) in pairs {
                let item = into_guest(ctx, host, item, deeper)?;
                object.prop(&**key, data(item))?;
            }
            object.into_value()
        }
    })
}

/// An ordinary property, defined and not assigned: a contract's setters on `Object.prototype` never run.
pub fn data<T>(value: T) -> rquickjs::object::Property<T> {
    rquickjs::object::Property::from(value).writable().enumerable().configurable()
}
