"""AWS on this machine, for `cargo xtask rehearse`: MiniStack, and what it lacks of AWS for our templates.

Each function that is called at the end closes one gap, and says which. They reach into the emulator's insides, which
is why it is pinned by its hash (tests/tools/rehearsal.txt): an upgrade of it is a change like any other.

The port, the host and what the functions inherit are in the environment (emulator.rs).
"""

import contextvars
import json
from urllib.parse import unquote

from ministack import app
from ministack.services import apigateway, eventbridge, s3, scheduler
from ministack.services.cloudformation import (changesets, engine, handlers, helpers,
                                               provisioners, stacks)

HANDLERS = provisioners._RESOURCE_HANDLERS


def placeholders():
    """Types that the emulator does not know. Nothing in a rehearsal uses what they would make."""
    arn = "arn:aws:{service}:eu-central-1:000000000000:{id}"
    known = {
        "AWS::CodeDeploy::Application": {},
        "AWS::CodeDeploy::DeploymentGroup": {},
        "AWS::EC2::EIP": {"AllocationId": "eipalloc-{id}"},
        "AWS::EC2::FlowLog": {"Id": "{id}"},
        "AWS::EC2::NatGateway": {"NatGatewayId": "{id}"},
        "AWS::EC2::SecurityGroupEgress": {"Id": "{id}"},
        "AWS::EC2::SecurityGroupIngress": {"Id": "{id}"},
        "AWS::NetworkFirewall::Firewall": {
            "FirewallArn": arn, "FirewallId": "{id}", "EndpointIds": ["eu-central-1a:vpce-a", "eu-central-1b:vpce-b"],
        },
        "AWS::NetworkFirewall::FirewallPolicy": {"FirewallPolicyArn": arn, "FirewallPolicyId": "{id}"},
        "AWS::NetworkFirewall::LoggingConfiguration": {},
        "AWS::NetworkFirewall::RuleGroup": {"RuleGroupArn": arn, "RuleGroupId": "{id}"},
        "AWS::Route53Resolver::FirewallDomainList": {"Id": "{id}", "Arn": arn},
        "AWS::Route53Resolver::FirewallRuleGroup": {"Id": "{id}", "Arn": arn},
        "AWS::Route53Resolver::FirewallRuleGroupAssociation": {"Id": "{id}", "Arn": arn},
    }

    def handler(kind, attributes):
        service = kind.split("::")[1].lower()

        def fill(value, name):
            if isinstance(value, list):
                return value
            return value.format(service=service, id=name)

        def create(logical_id, props, stack_name):
            name = f"{stack_name}-{logical_id}".lower()
            return name, {key: fill(value, name) for key, value in attributes.items()}

        def update(physical_id, old_props, new_props, stack_name):
            return physical_id, {key: fill(value, physical_id) for key, value in attributes.items()}

        return {"create": create, "update": update, "delete": lambda physical_id, props: None}

    for kind, attributes in known.items():
        if kind in HANDLERS:
            raise SystemExit(f"{kind} is known by now: take it out of {__file__}")
        HANDLERS[kind] = handler(kind, attributes)


def alarms_over_expressions():
    """An alarm over an expression is refused. It is remembered as one over a metric that nobody writes."""
    record = provisioners._cw_metric_alarm_record

    def remembered(name, props):
        if props.get("Metrics"):
            props = {**props, "Metrics": None, "Namespace": "Expression", "MetricName": name}
        return record(name, props)

    provisioners._cw_metric_alarm_record = remembered


def bucket_locks_and_subnet_blocks():
    """A bucket with ObjectLockEnabled takes no lock, and a subnet does not tell its block."""
    create_bucket = HANDLERS["AWS::S3::Bucket"]["create"]
    create_subnet = HANDLERS["AWS::EC2::Subnet"]["create"]

    def bucket(logical_id, props, stack_name):
        name, attributes = create_bucket(logical_id, props, stack_name)
        if provisioners._cfn_bool(props.get("ObjectLockEnabled")):
            s3._bucket_object_lock[name] = {"enabled": True, "default_retention": None}
        return name, attributes

    def subnet(logical_id, props, stack_name):
        name, attributes = create_subnet(logical_id, props, stack_name)
        return name, {**attributes, "CidrBlock": props.get("CidrBlock", "")}

    HANDLERS["AWS::S3::Bucket"]["create"] = bucket
    HANDLERS["AWS::EC2::Subnet"]["create"] = subnet


def routes_of_the_body():
    """The OpenAPI `Body` of an HTTP API is ignored. It is imported: routes, integrations, name and CORS."""
    handler = HANDLERS["AWS::ApiGatewayV2::Api"]
    create, update = handler["create"], handler["update"]
    methods = {"get", "post", "put", "patch", "delete", "head", "options"}

    def described(props):
        body = props.get("Body") or {}
        cors = body.get("x-amazon-apigateway-cors") or {}
        cors = {name[:1].upper() + name[1:]: value for name, value in cors.items()}
        return {"Name": body.get("info", {}).get("title", ""), "CorsConfiguration": cors, **props}

    def import_body(api, props):
        apigateway._routes[api] = {}
        apigateway._integrations[api] = {}
        for path, item in ((props.get("Body") or {}).get("paths") or {}).items():
            for method, operation in item.items():
                if method not in methods:
                    continue
                integration = operation["x-amazon-apigateway-integration"]
                target, _ = provisioners._apigw_v2_integration_create("", {
                    "ApiId": api,
                    "IntegrationType": integration["type"].upper(),
                    "IntegrationUri": integration["uri"],
                    "IntegrationMethod": integration["httpMethod"],
                    "PayloadFormatVersion": integration["payloadFormatVersion"],
                }, "")
                provisioners._apigw_v2_route_create("", {
                    "ApiId": api, "RouteKey": f"{method.upper()} {path}", "Target": f"integrations/{target}",
                }, "")

    def created(logical_id, props, stack_name):
        api, attributes = create(logical_id, described(props), stack_name)
        import_body(api, props)
        return api, attributes

    def updated(physical_id, old_props, new_props, *rest):
        api, attributes = update(physical_id, described(old_props), described(new_props), *rest)
        import_body(api, new_props)
        return api, attributes

    handler.update(create=created, update=updated)


def settings_of_known_routes_alone():
    """RouteSettings are not looked at. AWS refuses a route that the API does not have, and an update *merges*: what a
    stage has for a route that is gone is still checked, until DeleteRouteSettings, which is not there either."""
    handler = HANDLERS["AWS::ApiGatewayV2::Stage"]
    create, update = handler["create"], handler["update"]

    def check(props):
        known = {route["routeKey"] for route in apigateway._routes.get(props["ApiId"], {}).values()}
        for key in props.get("RouteSettings") or {}:
            if key not in known:
                raise ValueError(f"Unable to find Route by key {key} within the provided RouteSettings")

    def created(logical_id, props, stack_name):
        check(props)
        return create(logical_id, props, stack_name)

    def updated(physical_id, old_props, new_props, *rest):
        stage = apigateway._stages.get(old_props["ApiId"], {}).get(physical_id) or {}
        merged = {**(stage.get("routeSettings") or {}), **(new_props.get("RouteSettings") or {})}
        new_props = {**new_props, "RouteSettings": merged}
        check(new_props)
        return update(physical_id, old_props, new_props, *rest)

    async def forget(method, path, headers, body, query_params):
        words = path.strip("/").split("/", 6)
        if method == "DELETE" and words[:2] == ["v2", "apis"] and words[5:6] == ["routesettings"]:
            stage = apigateway._stages.get(words[2], {}).get(unquote(words[4]), {})
            known = stage.get("routeSettings", {}).pop(unquote(words[6]), None)
            return (404 if known is None else 204), {}, b""
        return await handle(method, path, headers, body, query_params)

    handle = apigateway.handle_request
    apigateway.handle_request = forget
    handler.update(create=created, update=updated)


def dependencies_that_are_there():
    """DependsOn a resource that its condition leaves out is ignored. AWS refuses the template."""
    def refuse(template, conditions):
        def is_left_out(name):
            condition = template["Resources"].get(name, {}).get("Condition")
            return name not in template["Resources"] or bool(condition and not conditions.get(condition, True))

        missing = set()
        for name, resource in (template.get("Resources") or {}).items():
            depends = resource.get("DependsOn") or []
            depends = [depends] if isinstance(depends, str) else depends
            if not is_left_out(name):
                missing.update(filter(is_left_out, depends))
        if missing:
            raise ValueError("Template format error: Unresolved resource dependencies "
                             f"[{', '.join(sorted(missing))}] in the Resources block of the template")

    validate = engine.validate_template_support

    def validated(template, conditions, params=None):
        validate(template, conditions, params=params)
        if not template.get("Transform"):
            refuse(template, conditions)

    for module in (changesets, engine, handlers):
        module.validate_template_support = validated


def nested_templates():
    """Transforms are not applied to nested templates, and they are not validated."""
    parameters = contextvars.ContextVar("parameters of the nested stack", default=None)
    deploy, resolve = provisioners._cfn_nested_stack_deploy, helpers._resolve_template

    def resolved(params):
        body, error = resolve(params)
        given = parameters.get()
        if given is None or error is not None or not body:
            return body, error
        members = [{"Key": key, "Value": "" if value is None else str(value)} for key, value in given.items()]
        template = engine._apply_transforms(engine._parse_template(body), members)
        values = engine._resolve_parameters(template, members)
        engine.validate_template_support(template, engine._evaluate_conditions(template, values), params=values)
        return json.dumps(template), None

    def deployed(logical_id, props, parent, **rest):
        token = parameters.set(props.get("Parameters") or {})
        try:
            return deploy(logical_id, props, parent, **rest)
        finally:
            parameters.reset(token)

    helpers._resolve_template = resolved
    provisioners._cfn_nested_stack_deploy = deployed


def attributes_that_are_kept():
    """What has not changed in an updated nested stack loses its attributes."""
    update = provisioners._update_resource

    def updated(resource_type, physical_id, old_props, new_props, stack_name, logical_id=None, old_attrs=None):
        from ministack.services.cloudformation import _stacks
        if old_attrs is None:
            record = _stacks.get(stack_name, {}).get("_resources", {}).get(logical_id) or {}
            old_attrs = record.get("Attributes")
        return update(resource_type, physical_id, old_props, new_props, stack_name, logical_id, old_attrs)

    provisioners._update_resource = updated


def failed_calls_are_sent_back():
    """When the update of a custom resource in a nested stack fails, its rollback sends nothing. AWS calls it again,
    with the earlier properties."""
    update = provisioners._custom_resource_update

    def updated(physical_id, old_props, new_props, stack_name, logical_id=None, **rest):
        from ministack.services.cloudformation import _stacks
        try:
            return update(physical_id, old_props, new_props, stack_name, logical_id=logical_id, **rest)
        except Exception:
            stack = _stacks.get(stack_name, {})
            record = stack.get("_resources", {}).get(logical_id)
            if record and stack.get("_parent_stack_name"):
                record["Properties"] = new_props
            raise

    provisioners._custom_resource_update = updated


def retained_in_nested_stacks():
    """A nested stack is deleted with all that is in it. AWS retains what is to be retained: RetainExceptOnCreate, unless
    a creation is rolled back."""
    handler = HANDLERS["AWS::CloudFormation::Stack"]
    delete = handler["delete"]

    def deleted(physical_id, props):
        from ministack.services.cloudformation import _stacks
        stack = _stacks.get(provisioners._nested_stack_lookup_name(physical_id), {})
        definitions = stack.get("_template", {}).get("Resources", {})
        parent = _stacks.get(stack.get("_parent_stack_name"), {})
        retaining = {"Retain"}
        if parent.get("StackStatus") != "ROLLBACK_IN_PROGRESS":
            retaining.add("RetainExceptOnCreate")
        for name in list(stack.get("_resources", {})):
            policy = stacks._resource_policy(
                definitions.get(name), "DeletionPolicy", stack["_resources"], stack["_resolved_params"],
                stack["_conditions"], {}, stack["StackName"], stack["StackId"])
            if policy in retaining:
                stack["_resources"].pop(name)
        return delete(physical_id, props)

    handler["delete"] = deleted


def no_clock():
    """The rehearsal itself calls what a schedule would, once: a clock beside it would call in between."""
    eventbridge.start_scheduler = lambda: None
    scheduler.start_scheduler = lambda: None


placeholders()
alarms_over_expressions()
bucket_locks_and_subnet_blocks()
routes_of_the_body()
settings_of_known_routes_alone()
dependencies_that_are_there()
nested_templates()
attributes_that_are_kept()
failed_calls_are_sent_back()
retained_in_nested_stacks()
no_clock()
app.main()
