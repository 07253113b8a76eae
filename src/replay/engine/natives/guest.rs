//! What the guest's API is made of, but for `tx`: reads of the index, assertions, the rest of the runtime's globals.

use std::rc::Rc;

use rquickjs::{Array, Ctx, Object, Persistent, Result, Value as Js};

use super::asserts::{deep_equal, equal, failed, shown, truthy, truthy_value};
use super::tx::{tx_delete, tx_get, tx_input, tx_put, tx_source};
use super::{clone_all, function, undefined};
use crate::database::{Value, path};
use crate::replay::engine::clone;
use crate::replay::engine::host::{Exhausted, Host, ListRequest, Pending, Request};

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
