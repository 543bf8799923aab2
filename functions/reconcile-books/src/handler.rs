use std::time::Duration;

use serde_json::{Map, Value, json};
use shared::{
    gateway::{Books, Gateway},
    runtime::{Failed, SystemCall},
};
use tracing::error;
use uuid::Uuid;

/// Small enough for one transaction of a fraction of a second, where allocators are not very large.
const BATCH_SIZE: i32 = 100;
/// A batch is not begun with less time than this.
const BATCH_TIME: Duration = Duration::from_secs(2);

/// Reads only: whatever becomes of a run, the next one adds up everything anew.
pub(crate) async fn handle(call: SystemCall) -> Result<Value, Failed> {
    let mut sum = Sum::default();
    for books in [Books::Allocators, Books::Facilities] {
        let added = sum.add(&call.gateway, books).await;
        // What was found counts, even if what follows cannot be read.
        call.meter.set("books_out_of_balance", sum.imbalances);
        added?;
    }
    Ok(json!({"reconciled": sum.reconciled, "imbalances": sum.imbalances}))
}

#[derive(Default)]
struct Sum {
    reconciled: u64,
    imbalances: u64,
}

impl Sum {
    async fn add(&mut self, gateway: &Gateway, books: Books) -> Result<(), Failed> {
        let (mut after, mut more) = (None, true);
        while more {
            if gateway.remaining() < BATCH_TIME {
                error!(
                    reconciled = self.reconciled,
                    "The time was too short for all books."
                );
                return Err(Failed::Broken);
            }
            let body = gateway
                .reconcile_books(books, after, BATCH_SIZE)
                .await?
                .body;
            self.count(&body).ok_or(Failed::Broken)?;
            more = body.get("more") == Some(&Value::Bool(true));
            after = body
                .get("last_id")
                .and_then(Value::as_str)
                .map(Uuid::parse_str)
                .transpose()
                .map_err(|_| Failed::Broken)?;
        }
        Ok(())
    }

    fn count(&mut self, body: &Map<String, Value>) -> Option<()> {
        self.reconciled += body.get("reconciled")?.as_u64()?;
        for imbalance in body.get("imbalances")?.as_array()? {
            self.imbalances += 1;
            let text = |member| imbalance.get(member).and_then(Value::as_str);
            error!(
                imbalance.rule = text("rule"),
                imbalance.allocator_id = text("allocator_id"),
                imbalance.facility_id = text("facility_id"),
                imbalance.account_id = text("account_id"),
                imbalance.currency = text("currency"),
                imbalance.kind = text("kind"),
                "The books do not add up."
            );
        }
        Some(())
    }
}
