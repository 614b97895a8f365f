// Alerts on the line `vitals` of the log, which every instance writes once a minute. They are told to the subscription's
// owners, so nobody has to be named.
param location string
param tags object
param insightsName string

var owner = '8e3595dd-5ea8-4e66-a6b4-1c2ccbaf3d7f'
var minutes15 = 'PT15M'
// Twice as long, because a query counts what grew between the lines of its window, and not from one window to the next.
var minutes30 = 'PT30M'

var alerts = [
  {
    name: 'streams'
    title: 'boardcast: too many streams'
    remedy: 'Readers are told to come back later, or soon will be: raise maximumInstances, or take a larger plan.'
    query: loadTextContent('../queries/streams.kql')
  }
  {
    name: 'webhook'
    title: 'boardcast: hooks are refused'
    remedy: 'Azure DevOps puts the subscription on probation and then switches it off: see the log for the reason, then the history of the subscription.'
    query: loadTextContent('../queries/webhook.kql')
  }
  {
    name: 'sync'
    title: 'boardcast: boards are not compared'
    remedy: 'Boards were not compared with Azure DevOps for two hours: see the log for the call that fails.'
    query: loadTextContent('../queries/sync.kql')
  }
  {
    name: 'dead-letters'
    title: 'boardcast: hooks that no board can show'
    remedy: 'A subscription sends what is of no use: GET /api/health says of what, and what to change.'
    query: loadTextContent('../queries/dead-letters.kql')
  }
]

resource insights 'Microsoft.Insights/components@2020-02-02' existing = { name: insightsName }

resource owners 'Microsoft.Insights/actionGroups@2023-01-01' = {
  name: 'ag-boardcast'
  location: 'global'
  tags: tags
  properties: {
    groupShortName: 'boardcast'
    enabled: true
    armRoleReceivers: [{ name: 'owners', roleId: owner, useCommonAlertSchema: true }]
  }
}

resource rules 'Microsoft.Insights/scheduledQueryRules@2023-12-01' = [
  for alert in alerts: {
    name: 'alert-${alert.name}'
    location: location
    tags: tags
    kind: 'LogAlert'
    properties: {
      displayName: alert.title
      description: alert.remedy
      severity: 2
      scopes: [insights.id]
      evaluationFrequency: minutes15
      windowSize: minutes30
      autoMitigate: true
      // Before the first line there is no table to check the query by.
      skipQueryValidation: true
      criteria: {
        allOf: [
          {
            query: alert.query
            timeAggregation: 'Count'
            operator: 'GreaterThan'
            threshold: 0
            failingPeriods: { numberOfEvaluationPeriods: 1, minFailingPeriodsToAlert: 1 }
          }
        ]
      }
      actions: { actionGroups: [owners.id] }
    }
  }
]
