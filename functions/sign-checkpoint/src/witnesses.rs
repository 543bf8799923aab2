//! The witnesses that are asked for cosignatures (C2SP tlog-witness), and how many must answer (tlog-policy).
//!
//! A witness is asked from the size that it is thought to have cosigned last; one that has cosigned another says
//! which (409) and is asked once more from there. What it answers counts if it verifies.

use std::{collections::HashMap, time::Duration};

use futures_util::{StreamExt, stream::FuturesUnordered};
use http::{Request, Uri, header::CONTENT_TYPE};
use http_body_util::Full;
use shared::{outbound::Outbound, runtime::Failed};
use tlog::{
    note::{Note, Signature},
    policy::{Policy, Witness},
    witness::{AddCheckpoint, Response, cosignatures_by, parse_response},
};
use tokio::time::{Instant, sleep_until, timeout};
use tracing::{error, warn};

use crate::{
    bucket::Bucket,
    ended::{Ended, broken},
};

/// The time that one witness gets.
const TIME_MAX: Duration = Duration::from_secs(5);
/// The time that the other witnesses get once there are enough cosignatures.
const GRACE: Duration = Duration::from_millis(200);
/// The largest answer: it is a few lines.
const BYTES_MAX: usize = 64 << 10;

/// The witnesses of the policy, as they are asked during one invocation.
pub(crate) struct Witnesses {
    policy: Option<&'static Policy>,
    asked: Vec<Asked>,
    /// What each cosigned last, as far as we know.
    cosigned: HashMap<usize, u64>,
}

/// A witness and how it is reached.
struct Asked {
    witness: &'static Witness,
    uri: Uri,
    client: Outbound,
}

impl Witnesses {
    /// The witnesses of the policy. Without a policy there are no witnesses.
    pub(crate) fn new(policy: Option<&'static Policy>) -> Result<Self, Failed> {
        let asked = policy
            .into_iter()
            .flat_map(Policy::witnesses)
            .map(|witness| {
                let url = witness.url().unwrap_or_default().trim_end_matches('/');
                let uri: Uri = format!("{url}/add-checkpoint").parse().map_err(|_| {
                    // The configuration has parsed it as a URL.
                    error!(witness.name = witness.name(), "A witness has no URL.");
                    Failed::Broken
                })?;
                Ok(Asked {
                    client: Outbound::new(&uri, BYTES_MAX, TIME_MAX),
                    witness,
                    uri,
                })
            })
            .collect::<Result<_, Failed>>()?;
        Ok(Self {
            policy,
            asked,
            cosigned: HashMap::new(),
        })
    }

    /// The note with the cosignatures that came in time; `None` when these are too few.
    pub(crate) async fn cosign(
        &mut self,
        bucket: &Bucket,
        mut note: Note,
        size: u64,
        since: u64,
    ) -> Result<Option<Note>, Ended> {
        let Some(policy) = self.policy else {
            return Ok(Some(note));
        };
        let signed = note.clone();
        let mut asking: FuturesUnordered<_> = self
            .asked
            .iter()
            .enumerate()
            .map(|(number, asked)| {
                let from = self.cosigned.get(&number).copied().unwrap_or(since);
                let asking = asked.ask(bucket, &signed, size, from);
                async move {
                    let answer = timeout(TIME_MAX, asking).await.unwrap_or_else(|_| {
                        asked.missed("no answer in time");
                        Ok(Vec::new())
                    });
                    (number, answer)
                }
            })
            .collect();
        let mut met = is_met(policy, &note)?;
        let mut patience = None;
        loop {
            if met && patience.is_none() {
                patience = Some(Instant::now() + GRACE);
            }
            let answer = match patience {
                None => asking.next().await,
                Some(end) => tokio::select! {
                    answer = asking.next() => answer,
                    () = sleep_until(end) => None,
                },
            };
            let Some((number, lines)) = answer else { break };
            let lines = lines?;
            if !lines.is_empty() {
                self.cosigned.insert(number, size);
            }
            for line in lines {
                note.add(line)
                    .map_err(|_| broken("a note takes no more lines"))?;
            }
            met = is_met(policy, &note)?;
        }
        if !met {
            error!(
                log.size = size,
                "Too few witnesses cosigned: the checkpoint is not published yet."
            );
        }
        Ok(met.then_some(note))
    }
}

fn is_met(policy: &Policy, note: &Note) -> Result<bool, Ended> {
    // Only lines that verify were added.
    let quorum = policy
        .cosigners(note)
        .map_err(|_| broken("a cosignature does not verify"))?;
    Ok(quorum.met)
}

impl Asked {
    /// The witness's cosignatures that verify.
    async fn ask(
        &self,
        bucket: &Bucket,
        note: &Note,
        size: u64,
        from: u64,
    ) -> Result<Vec<Signature>, Ended> {
        let mut old = from;
        for _ in 0..2 {
            let path = bucket.consistency(old, size).await?;
            let request = AddCheckpoint::new(old, path, note.clone())
                .map_err(|_| broken("there is no such request"))?;
            match self.post(&request).await {
                Some(Response::Cosigned(lines)) => {
                    let verified = cosignatures_by(self.witness.key(), note.text(), &lines);
                    if verified.is_empty() {
                        self.missed("its signature does not verify");
                    }
                    return Ok(verified);
                }
                // Another tree of our own size would be one that we never signed; a larger one is another
                // signer's, whose round comes to its end without us.
                Some(Response::Conflict(known)) if known <= size && known != old => old = known,
                Some(Response::Conflict(_)) => {
                    self.missed("it has cosigned another tree");
                    return Ok(Vec::new());
                }
                Some(Response::Refused(status)) => {
                    warn!(http.status = status, "A witness refused the checkpoint.");
                    self.missed("it refused");
                    return Ok(Vec::new());
                }
                None => return Ok(Vec::new()),
            }
        }
        self.missed("it changes its mind about what it has cosigned");
        Ok(Vec::new())
    }

    async fn post(&self, request: &AddCheckpoint) -> Option<Response> {
        let request = Request::post(self.uri.clone())
            .header(CONTENT_TYPE, "text/plain; charset=utf-8")
            .body(Full::from(request.to_string()))
            .ok()?;
        let answer = match self.client.send(request).await {
            Ok(answer) => answer,
            Err(cause) => {
                self.missed(&cause.to_string());
                return None;
            }
        };
        let response = parse_response(answer.status().as_u16(), answer.body());
        if response.is_err() {
            self.missed("its answer is malformed");
        }
        response.ok()
    }

    fn missed(&self, cause: &str) {
        warn!(
            witness.name = self.witness.name(),
            witness.missed = cause,
            "A witness did not cosign."
        );
    }
}
