//! Calling a contract's exported methods: what an executor does for its own users (`process`, and the methods that publish
//! operations). Nothing of this is part of a replay; it runs in the same realm, and may leave something behind there.

use std::cell::RefCell;
use std::rc::Rc;

use rquickjs::function::Opt;
use rquickjs::{Ctx, Function, Value as Js};

use super::events::{Stop, event_loop};
use super::{Outcome, Realm, State, reset};
use crate::database::Value;
use crate::replay::engine::clone;
use crate::replay::engine::host::Surroundings;

/// What a call of an exported method came to.
#[derive(Clone, Debug)]
pub struct Called {
    /// What it returned, or the text of its failure.
    pub result: Result<Value, Box<str>>,
    /// The operations that it emitted, in order.
    pub emitted: Vec<Value>,
}

impl Realm {
    /// Calls an exported method as Vitra does: `method(args, emit)`. `state` is the published state.
    ///
    /// `process` is called this way too (with the operation); it emits nothing.
    pub fn call_method(&mut self, method: &str, args: &Value, around: Surroundings, state: &dyn State) -> Called {
        reset(&self.host, &self.budget, around);
        let emitted = Rc::new(RefCell::new(Vec::new()));
        let result = self.context.with(|ctx| {
            let result = self.invoke(&ctx, method, args, &emitted, state);
            self.answer_rest(&ctx, state, &mut 0);
            result
        });
        self.host.taint.take();
        let result = match self.host.exhausted.get() {
            Some(what) => Err(format!("it used up its budget: {what:?}").into()),
            None => result,
        };
        Called { result, emitted: emitted.take() }
    }

    fn invoke<'js>(
        &self,
        ctx: &Ctx<'js>,
        method: &str,
        args: &Value,
        emitted: &Rc<RefCell<Vec<Value>>>,
        state: &dyn State,
    ) -> Result<Value, Box<str>> {
        let host = Rc::clone(&self.host);
        let list = Rc::clone(emitted);
        let emit = move |op: Opt<Js<'js>>| -> rquickjs::Result<()> {
            let value = match op.0 {
                Some(value) => clone::clone_out(&host, &value)?.value,
                None => Value::Undefined,
            };
            list.borrow_mut().push(value);
            Ok(())
        };
        let call = || {
            let namespace = self.namespace.clone().restore(ctx)?;
            let Some(function) = namespace.get::<_, Option<Function<'js>>>(method)? else { return Ok(None) };
            let emit = Function::new(ctx.clone(), emit)?;
            let args = clone::clone_in(ctx, &self.host, args)?;
            function.call::<_, Js<'js>>((args, emit)).map(Some)
        };
        let mut reads = 0;
        let settled = match call() {
            Ok(None) => return Err(format!("the contract exports no method {method}").into()),
            Ok(Some(result)) => event_loop(ctx, &self.host, &result, state, &mut reads),
            Err(_) => Err(Stop::Rejected(ctx.catch())),
        };
        match settled {
            Ok(value) => match clone::clone_out(&self.host, &value) {
                Ok(cloned) => Ok(cloned.value),
                Err(_) => Err(self.text_of(ctx, ctx.catch())),
            },
            Err(Stop::Rejected(error)) => Err(self.text_of(ctx, error)),
            Err(Stop::Outcome(outcome)) => Err(format!("it does not end: {outcome:?}").into()),
        }
    }

    fn text_of<'js>(&self, ctx: &Ctx<'js>, thrown: Js<'js>) -> Box<str> {
        match self.failure(ctx, thrown) {
            Outcome::Failure { text, .. } => text,
            _ => "it throws nothing".into(),
        }
    }
}
