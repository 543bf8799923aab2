use serde::Deserialize;
use serde_json::{Value, json};
use shared::{
    config::Base,
    gateway::{Books, Gateway},
    runtime::{Failed, JobCall},
};
use tracing::error;
use uuid::Uuid;

/// Small enough for one transaction of a fraction of a second, where allocators are not very large.
const BATCH_SIZE: i32 = 100;

/// What the database says of a batch of books.
#[derive(Deserialize)]
struct Batch {
    reconciled: u64,
    imbalances: Vec<Imbalance>,
    last_id: Option<Uuid>,
    more: bool,
}

/// A rule that does not hold, and where.
#[derive(Deserialize)]
struct Imbalance {
    rule: Option<String>,
    allocator_id: Option<String>,
    facility_id: Option<String>,
    account_id: Option<String>,
    currency: Option<String>,
    kind: Option<String>,
}

/// Reads only: whatever becomes of a run, the next one adds up everything anew.
pub(crate) async fn handle(call: JobCall<Base>) -> Result<Value, Failed> {
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
            if !gateway.has_time() {
                error!(
                    reconciled = self.reconciled,
                    "The time was too short for all books."
                );
                return Err(Failed::Broken);
            }
            let reply = gateway.reconcile_books(books, after, BATCH_SIZE).await?;
            let batch: Batch = reply.read()?;
            (after, more) = (batch.last_id, batch.more);
            self.count(batch);
        }
        Ok(())
    }

    fn count(&mut self, batch: Batch) {
        self.reconciled += batch.reconciled;
        for imbalance in batch.imbalances {
            self.imbalances += 1;
            error!(
                imbalance.rule = imbalance.rule,
                imbalance.allocator_id = imbalance.allocator_id,
                imbalance.facility_id = imbalance.facility_id,
                imbalance.account_id = imbalance.account_id,
                imbalance.currency = imbalance.currency,
                imbalance.kind = imbalance.kind,
                "The books do not add up."
            );
        }
    }
}
