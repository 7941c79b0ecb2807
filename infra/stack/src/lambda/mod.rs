//! Functions as Lambda runs them: the real binary behind the Lambda Runtime API, one invocation at a time per
//! instance, killed at its time-out and started anew (AWS Lambda Developer Guide, "Using the Lambda runtime API
//! for custom runtimes").

mod function;
mod instance;
mod shared;

pub use self::{
    function::Function,
    shared::{FunctionConfig, InvokeError},
};
