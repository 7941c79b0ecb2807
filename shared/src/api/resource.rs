//! A resource: its handlers under a tag, as routes and described.

/// The handlers of a resource: as routes, and described. `of` says with which state, if it is not that of the API.
macro_rules! routes {
    ($tag:literal: $($handler:ident),* $(,)?) => {
        $crate::api::resource::routes![$tag of $crate::api::state::Capabilities: $($handler),*];
    };
    ($tag:literal of $state:ty: $($handler:ident),* $(,)?) => {
        pastey::paste! {
            pub(in crate::api) fn routes() -> Vec<$crate::api::route::Handled<$state>> {
                vec![$($crate::api::route::Handled::of::<[<__path_ $handler>], _, _>($handler)),*]
            }

            pub(in crate::api) fn describe(document: &mut $crate::api::openapi::Document) {
                $(document.add::<[<__path_ $handler>], _, $state, _>($tag, $handler);)*
            }
        }
    };
}

pub(super) use routes;
