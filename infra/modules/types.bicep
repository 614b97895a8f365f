// What modules hand each other.

@export()
@description('How a Flex Consumption app scales.')
type Scale = {
  perInstanceConcurrency: int
  maximumInstances: int
  instanceMemoryMB: int
  alwaysReady: int
}

@export()
@description('When boards are compared with Azure DevOps.')
type Sync = {
  schedule: string
  cron: string
  zone: string
}
