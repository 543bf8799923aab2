//! Where a log is published and what its signer remembers: a bucket and a table, as infra/log.yaml has them.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde_json::{Value, json};

use super::{REGION, call, signed};
use crate::http::{self, Request, Response};

/// The origin of every local log.
pub const ORIGIN: &str = "optkas.example/log";

/// A bucket with Object Lock and versions, and a table with one item for each log.
#[derive(Clone, Debug)]
pub struct Log {
    address: SocketAddr,
    name: String,
}

/// One version of an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The object.
    pub key: String,
    /// Which.
    pub id: String,
    /// Whether it is what a reader gets.
    pub latest: bool,
    /// Whether it says that there is no object.
    pub deleted: bool,
}

impl Log {
    pub(super) fn create(address: SocketAddr, name: &str) -> Result<Self> {
        let log = Self {
            address,
            name: name.to_owned(),
        };
        let place = format!(
            "<CreateBucketConfiguration><LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let request = Request::new("PUT", &format!("/{name}"))
            .header("x-amz-bucket-object-lock-enabled", "true")
            .body(place);
        log.ensure_created("bucket", &log.s3(request)?)?;
        // On this machine everyone may be an auditor; on AWS, readers of the bucket.
        let policy = json!({
            "Version": "2012-10-17",
            "Statement": [{
                "Effect": "Allow",
                "Principal": "*",
                "Action": "s3:GetObject",
                "Resource": format!("arn:aws:s3:::{name}/*"),
            }],
        });
        let request = Request::new("PUT", &format!("/{name}?policy")).json(&policy);
        log.ensure_created("policy", &log.s3(request)?)?;
        let table = json!({
            "TableName": name,
            "KeySchema": [{ "AttributeName": "origin", "KeyType": "HASH" }],
            "AttributeDefinitions": [{ "AttributeName": "origin", "AttributeType": "S" }],
            "BillingMode": "PAY_PER_REQUEST",
        });
        log.ensure_created("table", &log.dynamodb("CreateTable", &table)?)?;
        Ok(log)
    }

    /// The name of both.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The object, as a reader gets it.
    pub fn get(&self, key: &str) -> Result<Option<Vec<u8>>> {
        let answer = self.head(key)?;
        Ok((answer.status == 200).then_some(answer.body))
    }

    /// The object with its headers; 404 if there is none.
    pub fn head(&self, key: &str) -> Result<Response> {
        let answer = self.s3(Request::new("GET", &self.path(key)))?;
        ensure!(
            [200, 404].contains(&answer.status),
            "{key}: {}",
            answer.text()
        );
        Ok(answer)
    }

    /// Writes an object over any existing one, as no function of ours does.
    pub fn put(&self, key: &str, body: &[u8]) -> Result<()> {
        let answer = self.s3(Request::new("PUT", &self.path(key)).body(body))?;
        ensure!(answer.status == 200, "{key}: {}", answer.text());
        Ok(())
    }

    /// Hides an object behind a delete marker.
    pub fn delete(&self, key: &str) -> Result<()> {
        let answer = self.s3(Request::new("DELETE", &self.path(key)))?;
        ensure!(answer.status == 204, "{key}: {}", answer.text());
        Ok(())
    }

    /// Tries to delete one version for good; answers the status.
    pub fn delete_version(&self, version: &Version) -> Result<u16> {
        let target = format!("{}?versionId={}", self.path(&version.key), version.id);
        Ok(self.s3(Request::new("DELETE", &target))?.status)
    }

    /// The objects' keys, as a reader sees them.
    pub fn keys(&self) -> Result<Vec<String>> {
        let versions = self.versions("")?.into_iter();
        Ok(versions
            .filter(|version| version.latest && !version.deleted)
            .map(|version| version.key)
            .collect())
    }

    /// Every version of the objects whose keys begin so.
    pub fn versions(&self, prefix: &str) -> Result<Vec<Version>> {
        let (mut versions, mut marker) = (Vec::new(), String::new());
        loop {
            let target = format!("/{}?versions&prefix={prefix}{marker}", self.name);
            let answer = self.s3(Request::new("GET", &target))?;
            ensure!(answer.status == 200, "no versions: {}", answer.text());
            let text = answer.text();
            for (element, deleted) in [("Version", false), ("DeleteMarker", true)] {
                for version in elements(&text, element) {
                    let member = |name| {
                        elements(version, name)
                            .next()
                            .with_context(|| format!("a version without {name}"))
                    };
                    versions.push(Version {
                        key: member("Key")?.to_owned(),
                        id: member("VersionId")?.to_owned(),
                        latest: member("IsLatest")? == "true",
                        deleted,
                    });
                }
            }
            let next = |name| elements(&text, name).next();
            let Some(key) = next("NextKeyMarker").filter(|key| !key.is_empty()) else {
                return Ok(versions);
            };
            let id = next("NextVersionIdMarker").unwrap_or_default();
            marker = format!("&key-marker={key}&version-id-marker={id}");
        }
    }

    /// Deletes every version that was not there before, as far as one can: what has been put over or hidden since
    /// is seen again.
    pub fn rewind(&self, before: &[Version]) -> Result<()> {
        for version in self.versions("")? {
            let known = before.iter().any(|known| known.id == version.id);
            ensure!(
                known || self.delete_version(&version)? == 204,
                "{} is locked",
                version.key
            );
        }
        Ok(())
    }

    /// Writes everything that is published into a folder, as a reader would fetch it.
    pub fn download(&self, folder: &Path) -> Result<()> {
        for key in self.keys()? {
            let path = folder.join(&key);
            std::fs::create_dir_all(path.parent().context("a key is below the folder")?)?;
            std::fs::write(path, self.get(&key)?.with_context(|| key.clone())?)?;
        }
        Ok(())
    }

    /// What the signer remembers: its item, without the marks of its types.
    pub fn state(&self) -> Result<Option<Value>> {
        let body = json!({
            "TableName": self.name, "Key": { "origin": { "S": ORIGIN } }, "ConsistentRead": true,
        });
        let answer = self.dynamodb("GetItem", &body)?;
        ensure!(answer.status == 200, "no item: {}", answer.text());
        let answer = answer.json();
        let Some(item) = answer["Item"].as_object() else {
            return Ok(None);
        };
        let bare = |value: &Value| {
            let number = value["N"].as_str().and_then(|text| text.parse().ok());
            number.map_or_else(|| value["S"].clone(), |number: u64| json!(number))
        };
        Ok(Some(Value::Object(
            item.iter()
                .map(|(name, value)| (name.clone(), bare(value)))
                .collect(),
        )))
    }

    /// Makes the signer remember something else.
    pub fn set_state(&self, item: &Value) -> Result<()> {
        let typed = |value: &Value| match value {
            Value::Number(number) => Ok(json!({ "N": number.to_string() })),
            Value::String(text) => Ok(json!({ "S": text })),
            other => bail!("{other} has no type here"),
        };
        let members = item.as_object().context("an item is an object")?;
        let item: Result<serde_json::Map<_, _>> = members
            .iter()
            .map(|(name, value)| Ok((name.clone(), typed(value)?)))
            .collect();
        let answer = self.dynamodb("PutItem", &json!({ "TableName": self.name, "Item": item? }))?;
        ensure!(answer.status == 200, "not written: {}", answer.text());
        Ok(())
    }

    /// Makes the signer forget.
    pub fn delete_state(&self) -> Result<()> {
        let body = json!({ "TableName": self.name, "Key": { "origin": { "S": ORIGIN } } });
        let answer = self.dynamodb("DeleteItem", &body)?;
        ensure!(answer.status == 200, "not deleted: {}", answer.text());
        Ok(())
    }

    fn path(&self, key: &str) -> String {
        format!("/{}/{key}", self.name)
    }

    fn s3(&self, request: Request) -> Result<Response> {
        http::send(self.address, &signed(request, "s3"))
    }

    fn dynamodb(&self, action: &str, body: &Value) -> Result<Response> {
        call(
            self.address,
            "dynamodb",
            &format!("DynamoDB_20120810.{action}"),
            body,
        )
    }

    fn ensure_created(&self, what: &str, answer: &Response) -> Result<()> {
        let text = answer.text();
        let known = ["BucketAlreadyOwnedByYou", "ResourceInUseException"];
        ensure!(
            answer.status == 200 || known.iter().any(|word| text.contains(word)),
            "no {what} {}: {text}",
            self.name
        );
        Ok(())
    }
}

/// The texts of the XML elements of that name. No key or id of ours has a character that XML escapes.
fn elements<'a>(xml: &'a str, name: &str) -> impl Iterator<Item = &'a str> {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts: Vec<_> = xml
        .split(&open)
        .skip(1)
        .filter_map(|part| part.split(&close).next())
        .collect();
    parts.into_iter()
}
