CREATE TABLE api_tokens (
    id INTEGER NOT NULL,
    token_sha256 TEXT NOT NULL,
    label TEXT NOT NULL,
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT,
    revoked_at BIGINT,
    CONSTRAINT pk_api_tokens PRIMARY KEY (id),
    CONSTRAINT uq_api_tokens_token_sha256 UNIQUE (token_sha256)
);

CREATE TABLE assessments (
    id INTEGER NOT NULL,
    device_id BIGINT NOT NULL,
    as_of BIGINT NOT NULL,
    verdict TEXT NOT NULL,
    findings TEXT NOT NULL,
    signals TEXT NOT NULL,
    policy_sha256 TEXT NOT NULL,
    ruleset TEXT NOT NULL,
    judged_ratio FLOAT NOT NULL,
    CONSTRAINT pk_assessments PRIMARY KEY (id)
);

CREATE INDEX ix_assessments_device_id_as_of ON assessments (device_id, as_of);

CREATE TABLE audit (
    id INTEGER NOT NULL,
    done_at BIGINT NOT NULL,
    actor TEXT NOT NULL,
    action TEXT NOT NULL,
    target TEXT,
    detail TEXT,
    CONSTRAINT pk_audit PRIMARY KEY (id)
);

CREATE TABLE device_days (
    device_id BIGINT NOT NULL,
    day TEXT NOT NULL,
    day_at BIGINT NOT NULL,
    minutes TEXT,
    missed INTEGER DEFAULT '0' NOT NULL,
    suspended INTEGER DEFAULT '0' NOT NULL,
    read_at BIGINT,
    disk_free_bytes BIGINT,
    disk_total_bytes BIGINT,
    battery TEXT,
    CONSTRAINT pk_device_days PRIMARY KEY (device_id, day, day_at)
);

CREATE TABLE devices (
    id INTEGER NOT NULL,
    uid TEXT NOT NULL,
    generation INTEGER NOT NULL,
    enrolled_at BIGINT NOT NULL,
    reinstalled_at BIGINT,
    approved BOOLEAN NOT NULL,
    smbios_uuid TEXT,
    system_serial TEXT,
    disk_serial TEXT,
    hardware_hash TEXT,
    machine_hash TEXT,
    unit TEXT,
    site TEXT,
    unit_source TEXT,
    status TEXT DEFAULT 'in use' NOT NULL,
    role_of_use TEXT DEFAULT 'personal' NOT NULL,
    status_assumed BOOLEAN DEFAULT '1' NOT NULL,
    judge_at BIGINT,
    CONSTRAINT pk_devices PRIMARY KEY (id),
    CONSTRAINT uq_devices_uid UNIQUE (uid)
);

CREATE INDEX ix_devices_disk_serial ON devices (disk_serial);

CREATE INDEX ix_devices_judge_at ON devices (judge_at);

CREATE INDEX ix_devices_machine_hash ON devices (machine_hash);

CREATE INDEX ix_devices_smbios_uuid ON devices (smbios_uuid);

CREATE INDEX ix_devices_system_serial ON devices (system_serial);

CREATE INDEX ix_devices_unit ON devices (unit);

CREATE TABLE enrolment_keys (
    id INTEGER NOT NULL,
    key_sha256 TEXT NOT NULL,
    label TEXT NOT NULL,
    unit TEXT,
    site TEXT,
    needs_approval BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    uses_left BIGINT NOT NULL,
    revoked_at BIGINT,
    CONSTRAINT pk_enrolment_keys PRIMARY KEY (id),
    CONSTRAINT uq_enrolment_keys_key_sha256 UNIQUE (key_sha256)
);

CREATE TABLE estate_snapshots (
    id INTEGER NOT NULL,
    made_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT pk_estate_snapshots PRIMARY KEY (id)
);

CREATE INDEX ix_estate_snapshots_made_at ON estate_snapshots (made_at);

CREATE TABLE flags (
    id INTEGER NOT NULL,
    device_id BIGINT NOT NULL,
    rule_id TEXT NOT NULL,
    suggests TEXT NOT NULL,
    raised_at BIGINT NOT NULL,
    raised_by BIGINT,
    acknowledged_at BIGINT,
    acknowledged_by TEXT,
    acknowledged_note TEXT,
    cleared_at BIGINT,
    cleared_by BIGINT,
    evidence TEXT NOT NULL,
    CONSTRAINT pk_flags PRIMARY KEY (id)
);

CREATE INDEX ix_flags_cleared_at ON flags (cleared_at, id);

CREATE INDEX ix_flags_device_id ON flags (device_id);

CREATE INDEX ix_flags_open_suggests ON flags (suggests, id) WHERE cleared_at IS NULL;

CREATE INDEX ix_flags_raised_at ON flags (raised_at, id);

CREATE UNIQUE INDEX uq_flags_open ON flags (device_id, rule_id) WHERE cleared_at IS NULL;

CREATE TABLE job_runs (
    id INTEGER NOT NULL,
    job TEXT NOT NULL,
    started_at BIGINT NOT NULL,
    ended_at BIGINT,
    outcome TEXT,
    done_count BIGINT,
    problem TEXT,
    CONSTRAINT pk_job_runs PRIMARY KEY (id)
);

CREATE INDEX ix_job_runs_job_started_at ON job_runs (job, started_at);

CREATE TABLE ledger (
    name TEXT NOT NULL,
    value BIGINT NOT NULL,
    CONSTRAINT pk_ledger PRIMARY KEY (name)
);

CREATE TABLE reports (
    id INTEGER NOT NULL,
    received_at BIGINT NOT NULL,
    device_id BIGINT NOT NULL,
    stream TEXT NOT NULL,
    sequence BIGINT NOT NULL,
    generation INTEGER NOT NULL,
    corrected_at BIGINT NOT NULL,
    skew_ms BIGINT,
    clock_doubtful INTEGER DEFAULT '0' NOT NULL,
    split INTEGER DEFAULT '0' NOT NULL,
    body BLOB NOT NULL,
    folded_at BIGINT,
    CONSTRAINT pk_reports PRIMARY KEY (id)
);

CREATE INDEX ix_reports_received_at ON reports (received_at);

CREATE INDEX ix_reports_unfolded ON reports (id) WHERE folded_at IS NULL AND split = 0;

CREATE TABLE software_titles (
    id INTEGER NOT NULL,
    source TEXT NOT NULL,
    name TEXT NOT NULL,
    version TEXT NOT NULL,
    publisher TEXT NOT NULL,
    CONSTRAINT pk_software_titles PRIMARY KEY (id),
    CONSTRAINT uq_software_titles_source_name_version_publisher UNIQUE (source, name, version, publisher)
);

CREATE TABLE starts (
    device_id BIGINT NOT NULL,
    start_id TEXT NOT NULL,
    zero_at BIGINT NOT NULL,
    kind TEXT NOT NULL,
    to_sign_in_ms BIGINT,
    to_sign_in_quality TEXT,
    to_sign_in_revision INTEGER,
    to_desktop_ms BIGINT,
    to_desktop_quality TEXT,
    to_desktop_revision INTEGER,
    to_usable_ms BIGINT,
    to_usable_quality TEXT,
    to_usable_revision INTEGER,
    to_settled_ms BIGINT,
    to_settled_quality TEXT,
    to_settled_revision INTEGER,
    firmware_ms BIGINT,
    loader_ms BIGINT,
    kernel_ms BIGINT,
    initrd_ms BIGINT,
    userspace_ms BIGINT,
    before_agent BOOLEAN NOT NULL,
    after_update BOOLEAN NOT NULL,
    culprits TEXT,
    first_received_at BIGINT NOT NULL,
    CONSTRAINT pk_starts PRIMARY KEY (device_id, start_id, zero_at)
);

CREATE INDEX ix_starts_device_id_zero_at ON starts (device_id, zero_at);

CREATE TABLE units (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    CONSTRAINT pk_units PRIMARY KEY (id),
    CONSTRAINT uq_units_name UNIQUE (name)
);

CREATE TABLE use_hours (
    device_id BIGINT NOT NULL,
    hour_at BIGINT NOT NULL,
    minutes TEXT NOT NULL,
    missed INTEGER NOT NULL,
    suspended INTEGER NOT NULL,
    CONSTRAINT pk_use_hours PRIMARY KEY (device_id, hour_at)
);

CREATE TABLE users (
    id INTEGER NOT NULL,
    name TEXT NOT NULL,
    role TEXT NOT NULL,
    password_hash TEXT,
    link_sha256 TEXT,
    link_expires_at BIGINT,
    created_at BIGINT NOT NULL,
    disabled_at BIGINT,
    CONSTRAINT pk_users PRIMARY KEY (id),
    CONSTRAINT uq_users_name UNIQUE (name)
);

CREATE TABLE device_orders (
    device_id INTEGER NOT NULL,
    want TEXT NOT NULL,
    identity TEXT NOT NULL,
    next_report_seconds BIGINT,
    CONSTRAINT pk_device_orders PRIMARY KEY (device_id),
    CONSTRAINT fk_device_orders_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE TABLE device_sections (
    device_id INTEGER NOT NULL,
    section TEXT NOT NULL,
    fact_at BIGINT NOT NULL,
    body TEXT NOT NULL,
    CONSTRAINT pk_device_sections PRIMARY KEY (device_id, section),
    CONSTRAINT fk_device_sections_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE TABLE device_software (
    device_id INTEGER NOT NULL,
    fact_at BIGINT NOT NULL,
    titles TEXT NOT NULL,
    title_count BIGINT NOT NULL,
    more_titles BIGINT NOT NULL,
    CONSTRAINT pk_device_software PRIMARY KEY (device_id),
    CONSTRAINT fk_device_software_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE TABLE device_state (
    device_id INTEGER NOT NULL,
    reported_at BIGINT,
    collected_at BIGINT,
    agent_version TEXT,
    clock_skew_ms BIGINT,
    hostname TEXT,
    device_class TEXT,
    manufacturer TEXT,
    model TEXT,
    serial TEXT,
    os_name TEXT,
    os_version TEXT,
    memory_bytes BIGINT,
    outcomes TEXT,
    last_start_ms BIGINT,
    last_start_mark TEXT,
    last_start_at BIGINT,
    disk_free_ratio FLOAT,
    CONSTRAINT pk_device_state PRIMARY KEY (device_id),
    CONSTRAINT fk_device_state_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE INDEX ix_device_state_disk_free_ratio ON device_state (disk_free_ratio, device_id);

CREATE INDEX ix_device_state_hostname ON device_state (hostname, device_id);

CREATE INDEX ix_device_state_last_start_ms ON device_state (last_start_ms, device_id);

CREATE INDEX ix_device_state_reported_at ON device_state (reported_at, device_id);

CREATE INDEX ix_device_state_serial ON device_state (serial);

CREATE TABLE revocations (
    device_id INTEGER NOT NULL,
    lowest_generation INTEGER NOT NULL,
    revoked_at BIGINT NOT NULL,
    revoked_by TEXT NOT NULL,
    CONSTRAINT pk_revocations PRIMARY KEY (device_id),
    CONSTRAINT fk_revocations_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE TABLE sessions (
    token_sha256 TEXT NOT NULL,
    user_id INTEGER NOT NULL,
    created_at BIGINT NOT NULL,
    seen_at BIGINT NOT NULL,
    CONSTRAINT pk_sessions PRIMARY KEY (token_sha256),
    CONSTRAINT fk_sessions_user_id FOREIGN KEY(user_id) REFERENCES users (id)
);

CREATE INDEX ix_sessions_user_id ON sessions (user_id);

CREATE TABLE signals (
    device_id INTEGER NOT NULL,
    as_of BIGINT NOT NULL,
    start_mark TEXT,
    start_kind TEXT,
    start_quality TEXT,
    start_median_ms BIGINT,
    start_p90_ms BIGINT,
    start_samples INTEGER,
    start_newest_at BIGINT,
    start_culprit TEXT,
    memory_short_ratio FLOAT,
    memory_days INTEGER,
    memory_newest_at BIGINT,
    memory_bytes BIGINT,
    disk_free_ratio FLOAT,
    disk_free_bytes BIGINT,
    disk_samples INTEGER,
    disk_newest_at BIGINT,
    system_drive_kind TEXT,
    system_drive_newest_at BIGINT,
    os_cycle TEXT,
    os_data_on TEXT,
    os_extended_days INTEGER,
    os_extended_free BOOLEAN,
    os_support TEXT,
    os_support_days INTEGER,
    os_support_ends_on TEXT,
    os_newest_at BIGINT,
    battery_present BOOLEAN,
    battery_health_ratio FLOAT,
    battery_cycles INTEGER,
    battery_days INTEGER,
    battery_newest_at BIGINT,
    active_days_90 INTEGER,
    days_silent FLOAT,
    reported_at BIGINT,
    CONSTRAINT pk_signals PRIMARY KEY (device_id),
    CONSTRAINT fk_signals_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE TABLE streams (
    device_id INTEGER NOT NULL,
    stream TEXT NOT NULL,
    generation INTEGER NOT NULL,
    hardware_hash TEXT,
    previous_hash TEXT,
    split_hash TEXT,
    highest BIGINT NOT NULL,
    bitmap BLOB NOT NULL,
    digests BLOB NOT NULL,
    first_received_at BIGINT NOT NULL,
    last_received_at BIGINT NOT NULL,
    CONSTRAINT pk_streams PRIMARY KEY (device_id, stream),
    CONSTRAINT fk_streams_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE TABLE verdicts (
    device_id INTEGER NOT NULL,
    verdict TEXT,
    assessment_id BIGINT,
    judged_at BIGINT NOT NULL,
    judged_ratio FLOAT,
    leading_rule TEXT,
    error TEXT,
    CONSTRAINT pk_verdicts PRIMARY KEY (device_id),
    CONSTRAINT fk_verdicts_device_id FOREIGN KEY(device_id) REFERENCES devices (id)
);

CREATE INDEX ix_verdicts_verdict ON verdicts (verdict, device_id);
