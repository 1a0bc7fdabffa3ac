//! Every kind of Chaos Mesh, and why some cannot be converted.

use super::io::IO;
use super::network::NETWORK;
use super::pod::POD;
use super::stress::STRESS;
use crate::convert::table::{Form, Part, When};

pub(super) const FORMS: &[Form] = &[
    NETWORK,
    STRESS,
    IO,
    POD,
    Form::never("TimeChaos", TIME),
    Form::never("HTTPChaos", HTTP),
    Form::never("DNSChaos", DNS),
    Form::never("KernelChaos", KERNEL),
    Form::never("JVMChaos", JVM),
    Form::never("BlockChaos", BLOCK),
    Form::never("AWSChaos", CLOUD),
    Form::never("AzureChaos", CLOUD),
    Form::never("GCPChaos", CLOUD),
    Form::never("PhysicalMachineChaos", MACHINE),
    Form::never("PhysicalMachine", MACHINE),
    Form::never("PodHttpChaos", RECORD),
    Form::never("PodIOChaos", RECORD),
    Form::never("PodNetworkChaos", RECORD),
    Form::never("RemoteCluster", CLUSTER),
    Form::never("Schedule", SCHEDULE),
    Form::never("StatusCheck", CHECK),
    Form::never("Workflow", WORKFLOW),
    Form::never("WorkflowNode", WORKFLOW),
];

const TIME: &[Part] = &[Part::never(
    When::Always,
    "no fault changes what time a program is told",
    "nothing of ours comes near",
)];
const HTTP: &[Part] = &[Part::never(
    When::Always,
    "no fault looks into HTTP",
    "`NetworkChaos` with `externalTargets`, for all that is sent to a peer",
)];
const DNS: &[Part] = &[Part::never(
    When::Always,
    "no fault answers questions for names",
    "`net.loss` with `ports: 53` in an experiment of ours: questions get no answer",
)];
const KERNEL: &[Part] = &[Part::never(
    When::Always,
    "no fault fails a function of the kernel by the callers on its stack",
    "`memory.error` or `syscall.error` in an experiment of ours, by what the program asks for",
)];
const JVM: &[Part] = &[Part::never(
    When::Always,
    "no fault changes what runs in a virtual machine of Java",
    "`StressChaos`, or `syscall.delay` in an experiment of ours",
)];
const BLOCK: &[Part] = &[Part::never(
    When::Always,
    "no fault delays requests of a block device",
    "`IOChaos` with `action: latency`",
)];
const CLOUD: &[Part] = &[Part::never(
    When::Always,
    "no fault asks a cloud for something",
    "the command of that cloud, in an action with `type: process`",
)];
const MACHINE: &[Part] = &[Part::never(
    When::Always,
    "it asks a daemon of Chaos Mesh on another machine",
    "an experiment of ours on that machine",
)];
const RECORD: &[Part] = &[Part::never(
    When::Always,
    "it is what the controller notes for its daemon",
    "the document that somebody wrote: NetworkChaos, IOChaos or HTTPChaos",
)];
const CLUSTER: &[Part] = &[Part::never(
    When::Always,
    "there is no cluster here, and none elsewhere",
    "run the experiment on the host that is meant",
)];
const SCHEDULE: &[Part] = &[Part::never(
    When::Always,
    "an experiment runs once, when it is started",
    "convert what stands below it as a document of its own, and start that by a timer of systemd",
)];
const CHECK: &[Part] = &[Part::never(
    When::Always,
    "it is a check of a workflow, and no fault",
    "a probe with `type: http` in an experiment of ours",
)];
const WORKFLOW: &[Part] = &[Part::never(
    When::Always,
    "its templates branch and run at each other's pace",
    "convert each template as a document of its own",
)];
