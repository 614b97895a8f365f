// What a deployment with a sign-in creates, for the app and its slot, is beside this file.
using '../main.bicep'

param location = 'westeurope'
param organizationUrl = 'https://dev.azure.com/contoso'
param projects = 'Website'
// Else what is predicted would change with the month.
param budgetStart = '2026-01-01'
param hostingPlan = 'dedicated'
param signIn = '4a1f2c3d-0b5e-4f60-9d7a-8c6b5e4d3f21'
// Settings without a parameter of their own.
param moreSettings = { BOARDCAST_TEAMS: 'Web', BOARDCAST_STREAMS_MAX: '500' }
