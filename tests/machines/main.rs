//! The machines by their rules: inputs in, effects out, timers of the test's own. No socket, no clock.

mod active;
mod active_lab;
mod active_return;
mod backup;
mod backup_lab;
mod backup_lead;
mod backup_more;
mod batch;
mod bounds;
mod client;
mod flaws;
mod harness;
mod health;
mod ls;
mod merge;
mod net;
mod reads;
mod store_client;
mod store_lab;
mod store_votes;
mod table;
mod ts;
mod ts_store;
mod whole;
