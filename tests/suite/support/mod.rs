//! What every test stands on.

pub mod browser;
pub mod crowd;
pub mod descriptors;
pub mod desk;
pub mod device;
pub mod documents;
pub mod events;
pub mod exchange;
pub mod git;
pub mod identity;
pub mod mcp;
pub mod modern;
pub mod people;
pub mod postgres;
pub mod proof;
pub mod real;
pub mod registration;
pub mod scaffolder;
pub mod signer;
pub mod token;
pub mod world;

pub use world::World;

/// Runs each test on SQLite and on Postgres, as `name::sqlite` and `name::postgres`.
///
/// ```ignore
/// on_both_engines! {
///     async fn a_store_answers(world) { world.app.store.ping().await.unwrap(); }
/// }
/// ```
#[macro_export]
macro_rules! on_both_engines {
    ($($(#[$doc:meta])* async fn $name:ident($world:ident) $body:block)*) => {$(
        $(#[$doc])*
        mod $name {
            #[allow(unused_imports)]
            use super::*;
            use $crate::support::World;

            #[allow(unused_mut)]
            async fn run(mut $world: World) $body

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                run(World::sqlite().await).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                run(World::postgres().await).await;
            }
        }
    )*};
}
