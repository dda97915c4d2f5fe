//! The policies of an LS in whole labs on virtual time: the truth table, what a hedge costs and saves, health under
//! loss, and the figures of "The Tail at Scale".

#[path = "policies/actor.rs"]
mod actor;
#[path = "policies/figures.rs"]
mod figures;
#[path = "policies/health.rs"]
mod health;
#[path = "policies/load.rs"]
mod load;
#[path = "common/rules.rs"]
mod rules;
#[path = "policies/stage.rs"]
mod stage;
#[path = "policies/tail.rs"]
mod tail;
#[path = "policies/truth.rs"]
mod truth;
