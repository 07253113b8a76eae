//! The host functions that the prelude and the guest's API are made of.

use std::rc::Rc;

use rquickjs::function::Rest;
use rquickjs::{Ctx, Exception, Function, Result, Value as Js};

use super::clone::{self, Cloned, data};
use super::host::Host;
use super::raw;

mod asserts;
mod guest;
mod names;
mod taint;
mod tx;

pub use guest::guest_host;
pub use names::{GUEST_GLOBALS, HELPER};
pub use taint::taint_host;

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

fn clone_all<'js>(host: &Host, args: &[Js<'js>]) -> Result<Vec<Cloned>> {
    args.iter().map(|arg| clone::clone_out(host, arg)).collect()
}
