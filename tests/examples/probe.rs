//! probe
#![allow(clippy::all, clippy::pedantic, clippy::print_stdout)]
use tests::*;
use std::time::Instant;
fn main() -> anyhow::Result<()> {
    let t = Instant::now();
    let mut c = postgres::Cluster::start(postgres::Options { name: "probe".into(), password: "x".repeat(20), port: 0, durability: postgres::Durability::None, temporary: true })?;
    println!("cluster {:?} port {}", t.elapsed(), c.port());
    let v: String = c.admin("postgres").connect()?.query_one("select version()", &[])?.get(0);
    println!("{v}");
    let t = Instant::now(); c.restart()?; println!("restart {:?}", t.elapsed());
    let f = folders::own("probe")?;
    let t = Instant::now();
    let s = secrets::Secrets::start(&f, true)?;
    println!("secrets {:?}", t.elapsed());
    let t = Instant::now();
    s.put("a/b", &serde_json::json!({"x":1}))?; s.put("a/b", &serde_json::json!({"x":2}))?; s.delete("a/b")?;
    println!("put {:?}", t.elapsed());
    for a in [issuer::Algorithm::Es256, issuer::Algorithm::Rs256, issuer::Algorithm::EdDsa] {
        let t = Instant::now();
        let k = issuer::Key::generate(a)?;
        println!("{} {:?}", k.public_jwk(), t.elapsed());
        if a == issuer::Algorithm::Es256 { let j = k.private_jwk()?; let k2 = issuer::Key::from_private_jwk(&j)?; assert_eq!(k2.public_jwk(), k.public_jwk()); }
    }
    println!("{:?}", routes::Routes::load()?.find("GET", "/v1/settlements/7"));
    if std::env::args().nth(1).as_deref() == Some("hang") { std::thread::sleep(std::time::Duration::from_secs(100)); }
    drop(c); drop(s);
    println!("{:?}", f.exists());
    Ok(())
}
