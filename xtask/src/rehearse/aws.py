"""The command `aws` of a rehearsal, for the blocks of docs/OPERATIONS.md: AWS CLI 2 is no package of pip.

It takes the options that the SDK's own model of a service has, and refuses every other, as the real one does.
"""

import json
import re
import sys

import jmespath
from botocore import xform_name
from botocore.session import get_session

# Options of the command itself, not of an operation.
GLOBAL = {"query", "output", "cli-binary-format", "region"}


def main(service, command, *words):
    own, options, places = {}, {}, []
    words = list(words)
    while words:
        word = words.pop(0)
        if not word.startswith("--"):
            places.append(word)
        elif word[2:] in GLOBAL:
            own[word[2:]] = words.pop(0)
        else:
            options[word[2:]] = words.pop(0)
    client = get_session().create_client(service)
    if (service, command) == ("rds", "generate-db-auth-token"):
        show(client.generate_db_auth_token(options.pop("hostname"), int(options.pop("port")),
                                           options.pop("username")), {**own, "output": "text"})
        return refuse(options)
    operation = command.replace("-", "_")
    if not hasattr(client, operation):
        raise SystemExit(f"aws: {service} has no command {command}")
    shape = client.meta.service_model.operation_model(client.meta.method_to_api_mapping[operation]).input_shape
    names = {re.sub("_", "-", xform_name(name)): name for name in shape.members}
    given = {names[option]: value(shape.members[names[option]], options[option], own)
             for option in list(options) if option in names}
    refuse([option for option in options if option not in names])
    answer = getattr(client, operation)(**given)
    answer.pop("ResponseMetadata", None)
    if "Payload" in answer:
        (place,) = places
        with open(place, "wb") as file:
            file.write(answer.pop("Payload").read())
    elif places:
        refuse(places)
    show(answer, own)


def value(member, text, own):
    if text.startswith("file://"):
        with open(text[len("file://"):]) as file:
            text = file.read()
    if member.type_name == "blob":
        if own.get("cli-binary-format") != "raw-in-base64-out":
            raise SystemExit("aws: a payload is base64 without --cli-binary-format raw-in-base64-out")
        return text.encode()
    if member.type_name in ("list", "map", "structure"):
        return json.loads(text)
    return int(text) if member.type_name == "integer" else text


def show(answer, own):
    if "query" in own:
        answer = jmespath.search(own["query"], answer)
    if own.get("output") != "text":
        print(json.dumps(answer, default=str))
    elif isinstance(answer, list):
        print("\t".join(map(str, answer)))
    else:
        print(answer)


def refuse(rest):
    if rest:
        raise SystemExit(f"aws: Unknown options: {', '.join(rest)}")


main(*sys.argv[1:])
