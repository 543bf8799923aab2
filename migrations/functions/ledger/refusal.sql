-- Refusals: the business reasons. The names are those of the problem types.
create or replace function ledger.refuse(_name text, _members jsonb default '{}')
returns void
language plpgsql
set search_path = pg_catalog, pg_temp
as $$
begin
    raise exception using errcode = 'OPK01', message = _name, detail = _members::text;
end
$$;
comment on function ledger.refuse(text, jsonb) is
    'Ends the effect of a mutation with a named refusal. Caught by its SQLSTATE in the gateway function, which records it.';

-- More refusals: of collateral, and of risk runs (0019), which come with it.
create or replace function ledger.problem(_name text, _members jsonb default '{}')
returns jsonb
language plpgsql
immutable
set search_path = pg_catalog, pg_temp
as $$
declare
    problem record;
begin
    select status, title, detail into strict problem
    from (
        values
            ('not-found', 404, 'Not found', 'There is no such resource for you.'),
            ('role-missing', 403, 'Role missing', 'Your membership does not include a role this needs.'),
            ('four-eyes', 409, 'Four eyes', 'Who asked for it cannot be who approves it.'),
            ('illegal-transition', 409, 'Illegal transition', 'The settlement cannot go from its state to the one asked for.'),
            ('insufficient-capital', 409, 'Insufficient capital', 'The allocator has less available capital than the amount.'),
            ('account-limit', 409, 'Account limit', 'The account cannot hold that much.'),
            ('facility-limit', 409, 'Facility limit', 'The facility has less room under its limit than the amount.'),
            ('expired', 409, 'Expired', 'The settlement''s time has run out.'),
            ('uetr-in-use', 409, 'UETR in use', 'Another settlement of this allocator bears this UETR.'),
            ('currency-mismatch', 409, 'Currency mismatch', 'The currency is not the one of the facility or settlement.'),
            ('amount-mismatch', 409, 'Amount mismatch', 'The amount is not the one of the settlement.'),
            ('facility-mismatch', 409, 'Facility mismatch', 'The facility is not the one of the settlement.'),
            ('already-exists', 409, 'Already exists', 'This id is taken.'),
            ('member-elsewhere', 409, 'Member elsewhere', 'This person is a member of another allocator.'),
            ('not-granted', 409, 'Not granted', 'There is no such membership to revoke.'),
            ('agent-kind', 409, 'Agent of another kind', 'The agent is not registered for this task.'),
            ('keys-vanished', 409, 'Keys vanished', 'The issuer publishes none of the keys in force.'),
            ('key-changed', 409, 'Key changed', 'A kid that is known stands for another key.'),
            ('tlog-mismatch', 409, 'Transparency log mismatch', 'The log in the database is not the one that was signed.'),
            ('not-published', 404, 'Not published', 'The log has not been published that far yet; ask again in a few seconds.'),
            ('collateral-deficient', 409, 'Collateral deficient', 'The facility''s collateral does not bear the settlement; problems lists every reason.'),
            ('rules-missing', 409, 'Rules missing', 'The facility has no eligibility rules.'),
            ('filing-missing', 409, 'Filing missing', 'No asset is pledged under a filing.'),
            ('filing-insufficient', 409, 'Filing insufficient', 'A filing does not name the debtor, a secured party and the collateral (UCC 9-502).'),
            ('filing-office', 409, 'Filing in another office', 'A filing is not in the office of the state where the debtor is located (UCC 9-301, 9-307, 9-501).'),
            ('filing-name', 409, 'Filing under another name', 'A filing does not give the debtor the name on its public organic record (UCC 9-503).'),
            ('filing-lapsing', 409, 'Filing lapsing', 'A filing lapses before the value date and its guard (UCC 9-515).'),
            ('filing-terminated', 409, 'Filing terminated', 'A filing has been terminated (UCC 9-513).'),
            ('filing-disputed', 409, 'Filing disputed', 'An amendment of record takes cover away without an approved release (UCC 9-509, 9-510).'),
            ('agreement-missing', 409, 'Agreement missing', 'No security agreement in force covers the assets (UCC 9-203).'),
            ('search-missing', 409, 'Search missing', 'No search under the debtor''s exact name goes beyond the filing''s date.'),
            ('search-adverse', 409, 'Search adverse', 'A search finds an earlier filing that is not subordinated (UCC 9-322).'),
            ('valuation-missing', 409, 'Valuation missing', 'Pledged assets have no valuation.'),
            ('valuation-stale', 409, 'Valuation stale', 'A valuation is older than the rules allow.'),
            ('custody-missing', 409, 'Custody receipt missing', 'Pledged assets have no custody receipt.'),
            ('custody-stale', 409, 'Custody receipt stale', 'A custody receipt is older than the rules allow.'),
            ('availability-short', 409, 'Availability short', 'The borrowing base has less room than the amount.'),
            ('coverage-short', 409, 'Coverage short', 'What would be drawn is covered less than the floor.'),
            ('already-pledged', 409, 'Already pledged', 'The asset is pledged for a part of that time.'),
            ('custodian-mismatch', 409, 'Custodian mismatch', 'A receipt is from another custodian than the asset''s.'),
            ('value-limit', 409, 'Value limit', 'The values of the facility''s assets are more than can be counted.'),
            ('date-ahead', 409, 'Date ahead', 'What is recorded has happened; its date is not to come.'),
            ('unsecured', 409, 'Unsecured', 'The facility was opened without collateral.'),
            ('not-lead', 403, 'Not the lead', 'Your allocator does not lead this facility.'),
            ('release-changed', 409, 'Release changed', 'What would be released, or its exposure, is not what was requested and approved.'),
            ('release-large', 409, 'Release large', 'More is pledged under the filing than one release can show; release assets first.'),
            ('release-decided', 409, 'Release decided', 'The release has been approved.'),
            ('no-positions', 409, 'No positions', 'The allocator has no position in this currency.'),
            ('portfolio-limit', 409, 'Portfolio limit', 'The positions are more than 10,000, or add up to more than 10^15 minor units.'),
            ('rating-unknown', 409, 'Rating unknown', 'The migration matrix in force has no such rating.'),
            ('risk-inputs-missing', 409, 'Risk inputs missing', 'Inputs of these facilities were never recorded, or do not fit the others; nothing is assumed for them.'),
            ('key-unacceptable', 409, 'Key unacceptable', 'A key is malformed, too weak, or of another kind than it says.')
    ) as known (name, status, title, detail)
    where known.name = _name;

    return jsonb_build_object(
        'type', 'urn:optkas:problem:' || _name,
        'title', problem.title,
        'status', problem.status,
        'detail', problem.detail
    ) || _members;
end
$$;
comment on function ledger.problem(text, jsonb) is
    'The problem document (RFC 9457) of a refusal, without the request id. An unknown name is a programmer''s error and raises.';

create or replace function ledger.unrecorded(_name text)
returns ledger.reply
language sql
immutable
return row('refused', (ledger.problem(_name) ->> 'status')::int4, ledger.problem(_name))::ledger.reply;
comment on function ledger.unrecorded(text) is 'A refusal that claims no key: of a read, or of a stranger.';
