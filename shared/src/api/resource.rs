//! A resource: its handlers under a tag, as routes and described.

/// The handlers of a resource: as routes, and described.
macro_rules! routes {
    ($tag:literal: $($handler:ident),* $(,)?) => {
        pastey::paste! {
            pub(in crate::api) fn routes() -> Vec<$crate::api::route::Route> {
                vec![$($crate::api::route::Route::of::<[<__path_ $handler>], _, _>($handler)),*]
            }

            pub(in crate::api) fn describe(document: &mut $crate::api::openapi::Document) {
                $(document.add::<[<__path_ $handler>], _, _>($tag, $handler);)*
            }
        }
    };
}

pub(super) use routes;
