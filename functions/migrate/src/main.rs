//! Deployment: migrations, gateway functions, identity of the deployment.

fn main() {}
